/* An hour of posteriors through the beam search with the shipped language model. The stream is one
 * real recording over and over, fed piece by piece, so that what is asked for is the decoder's.
 * The witness is arithmetic: the text of an hour is as many times as long as the hour is. */
#include <stdlib.h>

#include "model/ctc_beam.h"
#include "model/log_softmax.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/npy.h"
#include "tests/support/suite.h"

enum { MINUTE_FRAMES = 2000, HOUR_FRAMES = 60 * MINUTE_FRAMES };

/* Pools double, so all that was ever asked for is below four times what is alive. */
enum { MAX_BYTES_A_LABEL = 4 * 200 };

struct stream {
    struct npy recording;
    struct model_config *config;
    struct ngram *lm;
    struct vocabulary *vocabulary;
    struct fusion fusion;
    struct ctc_beam *beam;
    size_t frames; /* fed so far */
};

static void stream_open(struct stream *s)
{
    struct ctc_beam_config settings = ctc_beam_defaults;

    s->frames = 0;
    s->recording = npy_read("tests/data/golden/read16k.4077-13751-0001.flac.logits.npy");
    log_softmax(s->recording.values, s->recording.rows, s->recording.cols);
    ck_assert_int_eq(model_config_load(&s->config, "model/en/config.json", NULL), ASR_OK);
    ck_assert_int_eq(ngram_open(&s->lm, "model/en/lm.ngram", NULL), ASR_OK);
    ck_assert_int_eq(vocabulary_new(&s->vocabulary, s->lm, NULL), ASR_OK);
    s->fusion = (struct fusion){.config = s->config,
                                .lm = s->lm,
                                .vocabulary = s->vocabulary,
                                .alpha = s->config->alpha,
                                .beta = s->config->beta,
                                .unknown_penalty = s->config->unknown_penalty,
                                .score_sentence_end = true};
    settings.beam_width = s->config->beam_width;
    ck_assert_int_eq(ctc_beam_new(&s->beam, s->config->n_tokens, s->config->blank, &settings, NULL),
                     ASR_OK);
    ctc_beam_fuse(s->beam, &s->fusion);
    ctc_beam_start(s->beam);
}

static void stream_close(struct stream *s)
{
    ctc_beam_free(s->beam);
    vocabulary_free(s->vocabulary);
    ngram_close(s->lm);
    model_config_free(s->config);
    free(s->recording.values);
}

static void stream_feed_until(struct stream *s, size_t frames)
{
    while (s->frames < frames) {
        size_t at = s->frames % s->recording.rows, n = s->recording.rows - at;
        n = n < frames - s->frames ? n : frames - s->frames;
        ck_assert_int_eq(
            ctc_beam_step(s->beam, s->recording.values + at * s->recording.cols, n, NULL), ASR_OK);
        s->frames += n;
    }
}

/* How many labels the best text has; the last one is near the end of the stream. */
static size_t stream_labels(const struct stream *s)
{
    struct hypothesis best = {0};
    size_t n_found;

    ck_assert_int_eq(ctc_beam_finish(s->beam, &best, 1, &n_found, NULL), ASR_OK);
    ck_assert_uint_eq(n_found, 1);
    size_t n = best.n_tokens;
    ck_assert_uint_gt(n, 0);
    ck_assert_uint_gt(best.tokens[n - 1].last_frame, s->frames - s->recording.rows);
    hypothesis_free(&best);
    return n;
}

START_TEST(an_hour_takes_memory_for_its_text_and_not_for_its_frames)
    {
        struct stream s;

        stream_open(&s);
        stream_feed_until(&s, 10 * MINUTE_FRAMES);
        size_t labels_before = stream_labels(&s), bytes_before = bytes_asked_for();
        stream_feed_until(&s, HOUR_FRAMES);
        size_t asked = bytes_asked_for() - bytes_before, labels = stream_labels(&s);
        ck_assert_uint_ge(labels, 59 * labels_before / 10);
        ck_assert_uint_le(labels, 61 * labels_before / 10);
        ck_assert_uint_le(asked, MAX_BYTES_A_LABEL * labels);
        stream_close(&s);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("long_stream");
    TCase *tc = tcase_create("all");

    tcase_set_timeout(tc, 300); /* seconds; under a sanitizer an hour is a minute */
    tcase_add_test(tc, an_hour_takes_memory_for_its_text_and_not_for_its_frames);
    suite_add_tcase(s, tc);
    return s;
}
