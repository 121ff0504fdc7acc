#include "proto/transcription_response.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "proto/json_writer.h"
#include "proto/language.h"
#include "proto/response.h"

const char *transcription_content_type(enum response_format format)
{
    switch (format) {
    case RESPONSE_JSON:
    case RESPONSE_VERBOSE_JSON:
        return "application/json";
    case RESPONSE_TEXT:
        return "text/plain; charset=utf-8";
    case RESPONSE_SRT:
        return "application/x-subrip; charset=utf-8";
    case RESPONSE_VTT:
        return "text/vtt; charset=utf-8";
    }
    assert(!"a response_format without a Content-Type");
    return "application/octet-stream";
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* Where there are no channels to tell apart. */
enum { NO_CHANNEL = -1 };

static void write_channel(struct json_writer *w, int channel)
{
    if (channel != NO_CHANNEL)
        json_write_integer(w, "channel", channel);
}

static void write_word(struct json_writer *w, const struct word *word, int channel)
{
    json_write_open(w, NULL, '{');
    json_write_text(w, "word", word->text);
    json_write_number(w, "start", word->start_seconds, TIME_DECIMALS);
    json_write_number(w, "end", word->end_seconds, TIME_DECIMALS);
    json_write_number(w, "confidence", word->confidence, SCORE_DECIMALS);
    write_channel(w, channel);
    json_write_close(w, '}');
}

static void write_words(struct json_writer *w, const struct transcription_answer *a)
{
    const struct transcript *t = a->transcript;
    const struct conversation *c = a->conversation;

    json_write_open(w, "words", '[');
    for (size_t i = 0; c && i < c->n_words; i++)
        write_word(w, c->words[i].word, (int)c->words[i].channel);
    for (size_t i = 0; !c && i < t->n_words; i++)
        write_word(w, &t->words[i], NO_CHANNEL);
    json_write_close(w, ']');
}

/* As Whisper has it: bytes of text over bytes of the same text compressed by zlib. Text that
 * repeats itself compresses well, which is how clients find it. */
static enum asr_status compression_ratio(const char *text, double *ratio, struct asr_error *err)
{
    size_t n_bytes = strlen(text);
    uLongf n_compressed = compressBound(n_bytes);
    unsigned char *compressed = malloc(n_compressed);
    int rc = compressed ? compress(compressed, &n_compressed, (const Bytef *)text, n_bytes)
                        : Z_MEM_ERROR;

    free(compressed);
    if (rc != Z_OK)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory to compress %zu bytes", n_bytes);
    *ratio = (double)n_bytes / (double)n_compressed;
    return ASR_OK;
}

/* Whisper's segments start with the blank that parts them, so that their texts joined are the
 * whole; clients rely on it. `seek` is where a Whisper window began: we have only one window. */
static enum asr_status write_segment(struct json_writer *w, const struct transcript *t,
                                     const struct segment *s, size_t id, int channel,
                                     struct buffer *text, struct asr_error *err)
{
    double ratio = 0;

    text->n_bytes = 0;
    enum asr_status st = buffer_printf(text, err, " %s", s->text);
    if (st == ASR_OK)
        st = compression_ratio(text->bytes, &ratio, err);
    if (st != ASR_OK)
        return st;
    json_write_open(w, NULL, '{');
    json_write_integer(w, "id", (int64_t)id);
    json_write_integer(w, "seek", 0);
    json_write_number(w, "start", s->start_seconds, TIME_DECIMALS);
    json_write_number(w, "end", s->end_seconds, TIME_DECIMALS);
    json_write_text(w, "text", text->bytes);
    json_write_open(w, "tokens", '[');
    for (size_t i = 0; i < s->n_tokens; i++)
        json_write_integer(w, NULL, t->tokens[s->first_token + i]);
    json_write_close(w, ']');
    json_write_integer(w, "temperature", 0);
    json_write_number(w, "avg_logprob", s->mean_log_posterior, SCORE_DECIMALS);
    json_write_number(w, "compression_ratio", ratio, SCORE_DECIMALS);
    json_write_number(w, "no_speech_prob", s->no_speech_probability, SCORE_DECIMALS);
    write_channel(w, channel);
    json_write_close(w, '}');
    return ASR_OK;
}

static enum asr_status write_segments(struct json_writer *w, const struct transcription_answer *a,
                                      struct asr_error *err)
{
    const struct transcript *t = a->transcript;
    const struct conversation *c = a->conversation;
    enum asr_status st = ASR_OK;
    struct buffer text;

    buffer_init(&text, w->out->max_bytes);
    json_write_open(w, "segments", '[');
    for (size_t i = 0; c && i < c->n_segments && st == ASR_OK; i++) {
        size_t channel = c->segments[i].channel;
        st = write_segment(w, c->parties[channel].transcript, c->segments[i].segment, i,
                           (int)channel, &text, err);
    }
    for (size_t i = 0; !c && i < t->n_segments && st == ASR_OK; i++)
        st = write_segment(w, t, &t->segments[i], i, NO_CHANNEL, &text, err);
    json_write_close(w, ']');
    buffer_free(&text);
    return st;
}

/* OpenAI's shape: each token of the best text with its probability. The tokens joined are the
 * text, but for blanks before, behind and beside one another. */
static void write_logprobs(struct json_writer *w, const struct transcription_answer *a)
{
    const struct transcript *t = a->transcript;

    json_write_open(w, "logprobs", '[');
    for (size_t i = 0; i < t->n_tokens; i++) {
        bool blank = t->tokens[i] == a->config->word_separator;
        const char *token = blank ? " " : a->config->tokens[t->tokens[i]];
        json_write_open(w, NULL, '{');
        json_write_text(w, "token", token);
        json_write_number(w, "logprob", (double)t->token_log_posteriors[i], SCORE_DECIMALS);
        json_write_open(w, "bytes", '[');
        for (const char *byte = token; *byte; byte++)
            json_write_integer(w, NULL, (unsigned char)*byte);
        json_write_close(w, ']');
        json_write_close(w, '}');
    }
    json_write_close(w, ']');
}

static void write_alternatives(struct json_writer *w, const struct transcript *t)
{
    json_write_open(w, "alternatives", '[');
    for (size_t i = 0; i < t->n_alternatives; i++) {
        const struct alternative *alternative = &t->alternatives[i];
        json_write_open(w, NULL, '{');
        json_write_text(w, "text", alternative->text);
        json_write_number(w, "acoustic_score", alternative->acoustic_log_probability,
                          SCORE_DECIMALS);
        json_write_number(w, "language_score", alternative->language_score, SCORE_DECIMALS);
        json_write_close(w, '}');
    }
    json_write_close(w, ']');
}

/* Only when there are any: clients need not know of it. */
static void write_unusable_phrases(struct json_writer *w, const struct transcription_answer *a,
                                   const struct phrase_list *list)
{
    size_t n = 0;
    const struct phrase_problem *problems = a->phrases ? phrases_problems(a->phrases, &n) : NULL;

    if (n == 0)
        return;
    json_write_open(w, "unusable_phrases", '[');
    for (size_t i = 0; i < n; i++) {
        json_write_open(w, NULL, '{');
        json_write_text(w, "phrase", list->phrases[problems[i].phrase].text);
        json_write_text(w, "reason", problems[i].why.text);
        json_write_close(w, '}');
    }
    json_write_close(w, ']');
}

/* Where it can be decoded again, or null when there was no room. */
static void write_kept(struct json_writer *w, const struct transcription_answer *a)
{
    if (!a->kept_id) {
        json_write_text(w, "kept", NULL);
        return;
    }
    json_write_open(w, "kept", '{');
    json_write_text(w, "id", a->kept_id);
    json_write_number(w, "seconds", a->kept_seconds, TIME_DECIMALS);
    json_write_close(w, '}');
}

/* ---- conversations ----------------------------------------------------------------------------
 */

/* A turn's segments, joined by blanks. */
static enum asr_status put_turn(struct buffer *out, const struct conversation *c, size_t first,
                                size_t n, struct asr_error *err)
{
    enum asr_status st = ASR_OK;

    for (size_t i = 0; i < n && st == ASR_OK; i++)
        st = buffer_printf(out, err, "%s%s", i ? " " : "", c->segments[first + i].segment->text);
    return st;
}

/* A turn a line, all but the last ended; or each after its channel, all of them ended. */
static enum asr_status put_turns(struct buffer *out, const struct conversation *c, bool labels,
                                 struct asr_error *err)
{
    enum asr_status st = buffer_append(out, "", 0, err);

    for (size_t i = 0, n = 0; i < c->n_segments && st == ASR_OK; i += n) {
        n = conversation_turn(c, i);
        if (labels)
            st = buffer_printf(out, err, "Channel %zu: ", c->segments[i].channel);
        if (st == ASR_OK)
            st = put_turn(out, c, i, n, err);
        if (st == ASR_OK && (labels || i + n < c->n_segments))
            st = buffer_append(out, "\n", 1, err);
    }
    return st;
}

static void write_parties(struct json_writer *w, const struct transcription_answer *a)
{
    const struct conversation *c = a->conversation;

    json_write_open(w, "channels", '[');
    for (size_t p = 0; p < c->n_parties; p++) {
        json_write_open(w, NULL, '{');
        json_write_integer(w, "channel", (int64_t)p);
        json_write_text(w, "text", c->parties[p].transcript->text);
        json_write_number(w, "talk_seconds", c->parties[p].talk_seconds, TIME_DECIMALS);
        json_write_close(w, '}');
    }
    json_write_close(w, ']');
    json_write_number(w, "overlap_seconds", c->overlap_seconds, TIME_DECIMALS);
    json_write_number(w, "silence_seconds", c->silence_seconds, TIME_DECIMALS);
    json_write_boolean(w, "dual_mono", a->dual_mono);
}

/* The text, and of a conversation whose it is. */
static void write_text(struct json_writer *w, const struct transcription_answer *a)
{
    struct asr_error err;
    struct buffer text;

    if (!a->conversation) {
        json_write_text(w, "text", a->transcript->text);
        return;
    }
    buffer_init(&text, w->out->max_bytes);
    enum asr_status st = put_turns(&text, a->conversation, false, &err);
    if (st == ASR_OK)
        json_write_text(w, "text", text.bytes);
    else if (w->status == ASR_OK)
        w->status = st;
    buffer_free(&text);
    write_parties(w, a);
}

static double duration_of(const struct transcription_answer *a)
{
    return a->conversation ? a->conversation->duration_seconds : a->transcript->duration_seconds;
}

/* What the requests of both JSON formats may ask for besides. */
static void write_extras(struct json_writer *w, const struct transcription_answer *a,
                         const struct transcription_request *req)
{
    if (req->logprobs)
        write_logprobs(w, a);
    if (req->n_alternatives > 0)
        write_alternatives(w, a->transcript);
    write_unusable_phrases(w, a, &req->phrases);
    if (req->keep)
        write_kept(w, a);
}

static enum asr_status render_json(const struct transcription_answer *a,
                                   const struct transcription_request *req, struct buffer *out,
                                   struct asr_error *err)
{
    struct json_writer w;

    json_write_start(&w, out, err);
    json_write_open(&w, NULL, '{');
    write_text(&w, a);
    write_extras(&w, a, req);
    response_write_usage(&w, duration_of(a));
    json_write_close(&w, '}');
    return json_write_finish(&w);
}

static enum asr_status render_verbose_json(const struct transcription_answer *a,
                                           const struct transcription_request *req,
                                           struct buffer *out, struct asr_error *err)
{
    struct json_writer w;

    json_write_start(&w, out, err);
    json_write_open(&w, NULL, '{');
    json_write_text(&w, "task", "transcribe");
    json_write_text(&w, "language", language_name(a->config->language));
    json_write_number(&w, "duration", duration_of(a), TIME_DECIMALS);
    write_text(&w, a);
    if (req->word_times)
        write_words(&w, a);
    if (req->segment_times || !req->word_times) { /* segments are the default granularity */
        enum asr_status st = write_segments(&w, a, err);
        if (w.status == ASR_OK)
            w.status = st;
    }
    write_extras(&w, a, req);
    response_write_usage(&w, duration_of(a));
    json_write_close(&w, '}');
    return json_write_finish(&w);
}

/* ---- subtitles ------------------------------------------------------------------------------- */

static enum asr_status put_time(struct buffer *out, int64_t ms, char point, struct asr_error *err)
{
    return buffer_printf(out, err, "%02" PRId64 ":%02d:%02d%c%03d", ms / 3600000,
                         (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), point, (int)(ms % 1000));
}

/* A line end in the text would end the cue, and WebVTT reads markup in it. */
static enum asr_status put_cue_text(struct buffer *out, const char *text, bool markup,
                                    struct asr_error *err)
{
    enum asr_status st = ASR_OK;

    while (*text && st == ASR_OK) {
        size_t n = strcspn(text, markup ? "&<>\r\n" : "\r\n");
        st = buffer_append(out, text, n, err);
        text += n;
        if (!*text || st != ASR_OK)
            break;
        const char *instead = *text == '&'   ? "&amp;"
                              : *text == '<' ? "&lt;"
                              : *text == '>' ? "&gt;"
                                             : " ";
        st = buffer_append(out, instead, strlen(instead), err);
        text++;
    }
    return st;
}

/* Who speaks a cue: WebVTT has markup for it, SubRip the custom of a name and a colon. */
static enum asr_status put_voice(struct buffer *out, int channel, bool markup,
                                 struct asr_error *err)
{
    if (channel == NO_CHANNEL)
        return ASR_OK;
    return buffer_printf(out, err, markup ? "<v Channel %d>" : "Channel %d: ", channel);
}

/* One cue, as both formats have it but for the time's decimal mark. WebVTT wants end > start,
 * which rounding could undo. */
static enum asr_status put_cue(struct buffer *out, const struct segment *s, int channel, char point,
                               struct asr_error *err)
{
    int64_t start_ms = llround(s->start_seconds * 1000), end_ms = llround(s->end_seconds * 1000);
    enum asr_status st = put_time(out, start_ms, point, err);

    if (st == ASR_OK)
        st = buffer_append(out, " --> ", 5, err);
    if (st == ASR_OK)
        st = put_time(out, end_ms > start_ms ? end_ms : start_ms + 1, point, err);
    if (st == ASR_OK)
        st = buffer_append(out, "\n", 1, err);
    if (st == ASR_OK)
        st = put_voice(out, channel, point == '.', err);
    if (st == ASR_OK)
        st = put_cue_text(out, s->text, point == '.', err);
    return st == ASR_OK ? buffer_append(out, "\n\n", 2, err) : st;
}

static size_t cue_count(const struct transcription_answer *a)
{
    return a->conversation ? a->conversation->n_segments : a->transcript->n_segments;
}

static enum asr_status put_cue_at(struct buffer *out, const struct transcription_answer *a,
                                  size_t i, char point, struct asr_error *err)
{
    if (!a->conversation)
        return put_cue(out, &a->transcript->segments[i], NO_CHANNEL, point, err);
    const struct spoken_segment *spoken = &a->conversation->segments[i];
    return put_cue(out, spoken->segment, (int)spoken->channel, point, err);
}

static enum asr_status render_srt(const struct transcription_answer *a, struct buffer *out,
                                  struct asr_error *err)
{
    /* Silence has no cue: its body is empty, but is there. */
    enum asr_status st = buffer_append(out, "", 0, err);

    for (size_t i = 0; i < cue_count(a) && st == ASR_OK; i++) {
        st = buffer_printf(out, err, "%zu\n", i + 1);
        if (st == ASR_OK)
            st = put_cue_at(out, a, i, ',', err);
    }
    return st;
}

static enum asr_status render_vtt(const struct transcription_answer *a, struct buffer *out,
                                  struct asr_error *err)
{
    enum asr_status st = buffer_printf(out, err, "WEBVTT\n\n");

    for (size_t i = 0; i < cue_count(a) && st == ASR_OK; i++)
        st = put_cue_at(out, a, i, '.', err);
    return st;
}

enum asr_status transcription_render(const struct transcription_answer *answer,
                                     const struct transcription_request *req, struct buffer *out,
                                     struct asr_error *err)
{
    enum asr_status st = ASR_ERR_INVALID;
    size_t start_bytes = out->n_bytes;

    switch (req->format) {
    case RESPONSE_JSON:
        st = render_json(answer, req, out, err);
        break;
    case RESPONSE_TEXT:
        st = answer->conversation ? put_turns(out, answer->conversation, true, err)
                                  : buffer_printf(out, err, "%s\n", answer->transcript->text);
        break;
    case RESPONSE_SRT:
        st = render_srt(answer, out, err);
        break;
    case RESPONSE_VERBOSE_JSON:
        st = render_verbose_json(answer, req, out, err);
        break;
    case RESPONSE_VTT:
        st = render_vtt(answer, out, err);
        break;
    }
    if (st != ASR_OK && out->bytes) { /* no half body */
        out->n_bytes = start_bytes;
        out->bytes[start_bytes] = 0;
    }
    return st;
}
