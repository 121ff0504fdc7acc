#include "model/alignment.h"

#include <math.h>
#include <stdlib.h>

static enum asr_status allocate(struct alignment *a, size_t n_labels, struct asr_error *err)
{
    /* A word has at least one label. */
    a->labels = calloc(n_labels + 1, sizeof(*a->labels));
    a->words = calloc(n_labels + 1, sizeof(*a->words));
    if (a->labels && a->words)
        return ASR_OK;
    alignment_free(a);
    return asr_fail(err, ASR_ERR_NOMEM, "alignment of %zu labels: out of memory", n_labels);
}

/* The last frame may be longer than what is left of the recording. */
static struct aligned aligned(const struct hypothesis_token *first,
                              const struct hypothesis_token *last, double frame_seconds,
                              double duration_seconds)
{
    double sum = 0.0;

    for (const struct hypothesis_token *token = first; token <= last; token++)
        sum += (double)token->log_posterior;
    return (struct aligned){
        .start_seconds = fmin(first->first_frame * frame_seconds, duration_seconds),
        .end_seconds = fmin((last->last_frame + 1.0) * frame_seconds, duration_seconds),
        .score = exp(fmin(sum / (double)(last - first + 1), 0.0)),
    };
}

static void build(struct alignment *a, const struct hypothesis *path, uint32_t separator,
                  double frame_seconds)
{
    const struct hypothesis_token *tokens = path->tokens;
    size_t n = path->n_tokens;

    for (size_t i = 0; i < n; i++)
        a->labels[i] = aligned(&tokens[i], &tokens[i], frame_seconds, a->duration_seconds);
    a->n_labels = n;
    for (size_t begin = 0, end; begin < n; begin = end + 1) {
        for (end = begin; end < n && tokens[end].token != separator; end++)
            ;
        if (end > begin)
            a->words[a->n_words++] = (struct aligned_word){
                aligned(&tokens[begin], &tokens[end - 1], frame_seconds, a->duration_seconds),
                begin, end - begin};
    }
}

enum asr_status align(const struct ctc_problem *problem, uint32_t separator, double frame_seconds,
                      double duration_seconds, size_t max_bytes, struct alignment *out,
                      struct asr_error *err)
{
    struct hypothesis path = {0};

    *out = (struct alignment){.duration_seconds = duration_seconds};
    /* First, because it is what refuses. */
    enum asr_status st = ctc_align(problem, max_bytes, &path, err);
    if (st == ASR_OK)
        st = ctc_total_log_probability(problem, &out->log_probability, err);
    if (st == ASR_OK)
        st = allocate(out, path.n_tokens, err);
    if (st == ASR_OK)
        build(out, &path, separator, frame_seconds);
    else
        alignment_free(out);
    hypothesis_free(&path);
    return st;
}

void alignment_free(struct alignment *alignment)
{
    free(alignment->labels);
    free(alignment->words);
    *alignment = (struct alignment){0};
}
