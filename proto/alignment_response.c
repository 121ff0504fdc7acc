#include "proto/alignment_response.h"

#include "proto/json_writer.h"
#include "proto/response.h"

static void write_aligned(struct json_writer *w, const struct aligned *at)
{
    json_write_number(w, "start", at->start_seconds, TIME_DECIMALS);
    json_write_number(w, "end", at->end_seconds, TIME_DECIMALS);
    json_write_number(w, "score", at->score, SCORE_DECIMALS);
}

static void write_word(struct json_writer *w, const struct alignment *alignment,
                       const struct aligned_word *word, const char *text,
                       const struct label_span *spans)
{
    size_t end = word->first_label + word->n_labels;
    uint32_t begin_byte = spans[word->first_label].begin;

    json_write_open(w, NULL, '{');
    json_write_bytes(w, "word", text + begin_byte, spans[end - 1].end - begin_byte);
    write_aligned(w, &word->at);
    json_write_open(w, "characters", '[');
    for (size_t i = word->first_label; i < end; i++) {
        json_write_open(w, NULL, '{');
        json_write_bytes(w, "character", text + spans[i].begin, spans[i].end - spans[i].begin);
        write_aligned(w, &alignment->labels[i]);
        json_write_close(w, '}');
    }
    json_write_close(w, ']');
    json_write_close(w, '}');
}

enum asr_status alignment_render(const struct alignment *alignment, const char *text,
                                 const struct labels *labels, struct buffer *out,
                                 struct asr_error *err)
{
    struct json_writer w;

    json_write_start(&w, out, err);
    json_write_open(&w, NULL, '{');
    json_write_number(&w, "duration", alignment->duration_seconds, TIME_DECIMALS);
    json_write_number(&w, "log_probability", alignment->log_probability, SCORE_DECIMALS);
    json_write_open(&w, "words", '[');
    for (size_t i = 0; i < alignment->n_words; i++)
        write_word(&w, alignment, &alignment->words[i], text, labels->spans);
    json_write_close(&w, ']');
    response_write_usage(&w, alignment->duration_seconds);
    json_write_close(&w, '}');
    return json_write_finish(&w);
}
