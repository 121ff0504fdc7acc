#include "model/conversation.h"

#include <math.h>
#include <stdlib.h>

/* Where a party starts to talk (by 1) or stops (by -1). */
struct change {
    double seconds;
    int by;
};

static int compare(double a, double b)
{
    return (a > b) - (a < b);
}

static int by_channel(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

/* A transcript's words start one after the other, so that this order keeps theirs. */
static int compare_words(const void *a, const void *b)
{
    const struct spoken_word *x = a, *y = b;
    int by_time = compare(x->word->start_seconds, y->word->start_seconds);

    if (by_time != 0)
        return by_time;
    if (x->channel != y->channel)
        return by_channel(x->channel, y->channel);
    return (x->word > y->word) - (x->word < y->word);
}

static int compare_segments(const void *a, const void *b)
{
    const struct spoken_segment *x = a, *y = b;
    int by_time = compare(x->segment->start_seconds, y->segment->start_seconds);

    if (by_time != 0)
        return by_time;
    if (x->channel != y->channel)
        return by_channel(x->channel, y->channel);
    return (x->segment > y->segment) - (x->segment < y->segment);
}

/* Those who stop before those who start: nobody overlaps at a point. */
static int compare_changes(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    int by_time = compare(x->seconds, y->seconds);

    return by_time != 0 ? by_time : x->by - y->by;
}

/* calloc() of nothing may be NULL. */
static void *room_for(size_t count, size_t bytes_each)
{
    return calloc(count ? count : 1, bytes_each);
}

static void merge(struct conversation *c)
{
    size_t n_words = 0, n_segments = 0;

    for (size_t p = 0; p < c->n_parties; p++) {
        const struct transcript *t = c->parties[p].transcript;
        for (size_t i = 0; i < t->n_words; i++)
            c->words[n_words++] = (struct spoken_word){&t->words[i], p};
        for (size_t i = 0; i < t->n_segments; i++)
            c->segments[n_segments++] = (struct spoken_segment){&t->segments[i], p};
    }
    qsort(c->words, n_words, sizeof(*c->words), compare_words);
    qsort(c->segments, n_segments, sizeof(*c->segments), compare_segments);
}

/* changes[2 * n_segments]: scratch. */
static void add_up(struct conversation *c, struct change *changes)
{
    size_t n = 0;
    int talking = 0;
    double talked = 0;

    for (size_t i = 0; i < c->n_segments; i++) {
        const struct segment *s = c->segments[i].segment;
        c->parties[c->segments[i].channel].talk_seconds += s->end_seconds - s->start_seconds;
        changes[n++] = (struct change){s->start_seconds, 1};
        changes[n++] = (struct change){s->end_seconds, -1};
    }
    qsort(changes, n, sizeof(*changes), compare_changes);
    for (size_t i = 0; i + 1 < n; i++) {
        double seconds = changes[i + 1].seconds - changes[i].seconds;
        talking += changes[i].by;
        talked += talking > 0 ? seconds : 0;
        c->overlap_seconds += talking > 1 ? seconds : 0;
    }
    c->silence_seconds = fmax(0, c->duration_seconds - talked);
}

enum asr_status conversation_new(struct conversation **out,
                                 const struct transcript *const *transcripts, size_t n_channels,
                                 struct asr_error *err)
{
    struct change *changes = NULL;
    struct conversation *c = calloc(1, sizeof(*c));

    *out = NULL;
    if (c)
        c->parties = calloc(n_channels, sizeof(*c->parties));
    if (c && c->parties) {
        c->n_parties = n_channels;
        for (size_t p = 0; p < n_channels; p++) {
            const struct transcript *t = c->parties[p].transcript = transcripts[p];
            c->n_words += t->n_words;
            c->n_segments += t->n_segments;
            c->duration_seconds = fmax(c->duration_seconds, t->duration_seconds);
        }
        c->words = room_for(c->n_words, sizeof(*c->words));
        c->segments = room_for(c->n_segments, sizeof(*c->segments));
        changes = room_for(c->n_segments, 2 * sizeof(*changes));
    }
    if (!changes || !c->words || !c->segments) {
        free(changes);
        conversation_free(c);
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for the words of %zu channels",
                        n_channels);
    }
    merge(c);
    add_up(c, changes);
    free(changes);
    *out = c;
    return ASR_OK;
}

void conversation_free(struct conversation *c)
{
    if (!c)
        return;
    free(c->parties);
    free(c->words);
    free(c->segments);
    free(c);
}

size_t conversation_turn(const struct conversation *c, size_t first)
{
    size_t end = first;

    while (end < c->n_segments && c->segments[end].channel == c->segments[first].channel)
        end++;
    return end - first;
}
