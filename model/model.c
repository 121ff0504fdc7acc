#include "model/model.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/confidence.h"
#include "model/ctc_beam.h"
#include "model/ctc_greedy.h"
#include "model/fusion.h"
#include "model/log_softmax.h"
#include "model/ngram.h"
#include "model/vocabulary.h"

struct model {
    struct model_config *config;
    struct fbank *fbank;
    const struct kernel *kernel; /* of the network */
    struct network *network;
    struct ngram *lm;              /* NULL: none */
    struct vocabulary *vocabulary; /* of `lm` */
};

const struct model_options model_defaults = {PRECISION_AUTO, ""};
const struct transcribe_options transcribe_defaults = {.n_best = 1, .alpha = NAN, .beta = NAN};

/* Memory that grows to the largest use. */
struct floats {
    float *values;
    size_t capacity;
};

struct model_work {
    struct network_work *network;
    struct ctc_beam *beam;         /* NULL: greedy */
    struct confidence *confidence; /* NULL: greedy, or the model has no map */
    struct hypothesis best[MODEL_MAX_ALTERNATIVES];
    size_t max_batch, *lengths; /* [max_batch] */
    struct floats features;     /* of a batch, packed */
    struct floats posteriors;   /* likewise, and model_posteriors()'s */
};

static enum asr_status join_path(char *out, size_t size, const char *dir, const char *file,
                                 struct asr_error *err)
{
    int n = snprintf(out, size, "%s/%s", dir, file);
    if (n < 0 || (size_t)n >= size)
        return asr_fail(err, ASR_ERR_INVALID, "%s: the path is too long", dir);
    return ASR_OK;
}

static enum asr_status load_network(struct model *m, const char *dir,
                                    const struct model_options *options, struct asr_error *err)
{
    char path[4096];
    struct safetensors *tensors = NULL;
    enum asr_status st = join_path(path, sizeof(path), dir, "model.safetensors", err);

    if (st == ASR_OK)
        st = safetensors_open(&tensors, path, err);
    if (st == ASR_OK)
        st = kernel_choose(&m->kernel, options->precision, m->config->trusted_precisions,
                           options->kernel, err);
    if (st == ASR_OK)
        st = network_load(&m->network, m->config, tensors, m->kernel, err);
    safetensors_close(tensors);
    return st;
}

static enum asr_status load_config(struct model *m, const char *dir, struct asr_error *err)
{
    char path[4096];
    struct asr_error why;
    enum asr_status st = join_path(path, sizeof(path), dir, "config.json", err);

    if (st == ASR_OK)
        st = model_config_load(&m->config, path, err);
    if (st != ASR_OK)
        return st;
    st = fbank_new(&m->fbank, &m->config->features, &why);
    /* An argument that makes no sense, to fbank_new(); here it is the file that makes none. */
    if (st == ASR_ERR_INVALID)
        st = ASR_ERR_FORMAT;
    return st == ASR_OK ? ASR_OK : asr_fail(err, st, "%s: %s", path, why.text);
}

static enum asr_status load_language_model(struct model *m, const char *dir, struct asr_error *err)
{
    char path[4096];
    enum asr_status st;

    if (!m->config->lm)
        return ASR_OK;
    st = join_path(path, sizeof(path), dir, m->config->lm, err);
    if (st == ASR_OK)
        st = ngram_open(&m->lm, path, err);
    return st == ASR_OK ? vocabulary_new(&m->vocabulary, m->lm, err) : st;
}

enum asr_status model_load(struct model **out, const char *dir, const struct model_options *options,
                           struct asr_error *err)
{
    enum asr_status st;
    struct model *m = calloc(1, sizeof(*m));

    *out = NULL;
    if (!m)
        return asr_fail(err, ASR_ERR_NOMEM, "%s: out of memory", dir);
    st = load_config(m, dir, err);
    if (st == ASR_OK)
        st = load_network(m, dir, options, err);
    if (st == ASR_OK)
        st = load_language_model(m, dir, err);
    if (st != ASR_OK) {
        model_free(m);
        return st;
    }
    *out = m;
    return ASR_OK;
}

void model_free(struct model *model)
{
    if (!model)
        return;
    vocabulary_free(model->vocabulary);
    ngram_close(model->lm);
    network_free(model->network);
    fbank_free(model->fbank);
    model_config_free(model->config);
    free(model);
}

const struct model_config *model_config(const struct model *model)
{
    return model->config;
}

const struct fbank *model_fbank(const struct model *model)
{
    return model->fbank;
}

const struct network *model_network(const struct model *model)
{
    return model->network;
}

const struct kernel *model_kernel(const struct model *model)
{
    return model->kernel;
}

double model_frame_seconds(const struct model *model)
{
    return (double)network_stride(model->network) * model->config->features.frame_shift_ms / 1000;
}

static enum asr_status new_beam(struct model_work *work, const struct model *model,
                                size_t beam_width, struct asr_error *err)
{
    const struct model_config *config = model->config;
    struct ctc_beam_config beam = ctc_beam_defaults;

    if (beam_width)
        beam.beam_width = beam_width;
    else if (config->beam_width)
        beam.beam_width = config->beam_width;
    return ctc_beam_new(&work->beam, config->n_tokens, config->blank, &beam, err);
}

enum asr_status model_work_new(struct model_work **out, const struct model *model,
                               const struct decode_options *options, struct asr_error *err)
{
    enum asr_status st;
    struct model_work *w = calloc(1, sizeof(*w));

    *out = NULL;
    if (!w)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory");
    w->max_batch = options->max_batch ? options->max_batch : 1;
    st = network_work_new(&w->network, model->network, w->max_batch, err);
    if (st == ASR_OK) {
        w->lengths = calloc(w->max_batch, sizeof(*w->lengths));
        if (!w->lengths)
            st = asr_fail(err, ASR_ERR_NOMEM, "out of memory for batches of %zu", w->max_batch);
    }
    if (st == ASR_OK && options->decoder == DECODER_BEAM)
        st = new_beam(w, model, options->beam_width, err);
    if (st == ASR_OK && w->beam && model->config->has_confidence)
        st = confidence_new(&w->confidence, model->config->n_tokens, model->config->blank,
                            &confidence_search, err);
    if (st != ASR_OK) {
        model_work_free(w);
        return st;
    }
    *out = w;
    return ASR_OK;
}

void model_work_free(struct model_work *work)
{
    if (!work)
        return;
    network_work_free(work->network);
    ctc_beam_free(work->beam);
    confidence_free(work->confidence);
    for (size_t i = 0; i < MODEL_MAX_ALTERNATIVES; i++)
        hypothesis_free(&work->best[i]);
    free(work->lengths);
    free(work->features.values);
    free(work->posteriors.values);
    free(work);
}

/* Room for [frames, width]; what was in there is not kept. */
static enum asr_status reserve(struct floats *floats, size_t frames, size_t width,
                               struct asr_error *err)
{
    size_t count;

    if (__builtin_mul_overflow(frames, width, &count) || count > SIZE_MAX / sizeof(float))
        return asr_fail(err, ASR_ERR_LIMIT, "%zu frames of %zu values overflow", frames, width);
    if (count <= floats->capacity)
        return ASR_OK;
    free(floats->values);
    floats->values = malloc(count * sizeof(*floats->values));
    floats->capacity = floats->values ? count : 0;
    if (!floats->values)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for %zu frames of %zu values", frames,
                        width);
    return ASR_OK;
}

static struct fusion fusion_of(const struct model *model, const struct transcribe_options *options)
{
    const struct model_config *config = model->config;

    return (struct fusion){
        .config = config,
        .lm = model->lm,
        .vocabulary = model->vocabulary,
        .phrases = options->phrases,
        .alpha = isnan(options->alpha) ? config->alpha : options->alpha,
        .beta = isnan(options->beta) ? config->beta : options->beta,
        .unknown_penalty = config->unknown_penalty,
        .score_sentence_end = true,
    };
}

/* log_posteriors[frames, tokens] -> work->best[*found], best first. `fusion` NULL: by sound alone.
 */
static enum asr_status search(const struct model *model, struct model_work *work,
                              const float *log_posteriors, size_t frames,
                              const struct fusion *fusion, size_t n_best, size_t *found,
                              struct asr_error *err)
{
    const struct model_config *config = model->config;
    enum asr_status st;

    *found = 1;
    if (!work->beam)
        return ctc_greedy(log_posteriors, frames, config->n_tokens, config->blank, &work->best[0],
                          err);
    ctc_beam_fuse(work->beam, fusion);
    ctc_beam_start(work->beam);
    st = ctc_beam_step(work->beam, log_posteriors, frames, err);
    if (st == ASR_OK)
        st = ctc_beam_finish(work->beam, work->best, n_best, found, err);
    ctc_beam_fuse(work->beam, NULL);     /* `fusion` is the caller's */
    assert(st != ASR_OK || *found >= 1); /* a beam always holds a prefix, be it the empty one */
    return st;
}

/* Calibrated confidences in the place of the transcript's own. */
static enum asr_status calibrate(const struct model *model, struct model_work *work,
                                 const float *log_posteriors, size_t frames,
                                 const struct fusion *fusion, struct transcript *t,
                                 struct asr_error *err)
{
    const struct confidence_problem problem = {log_posteriors, frames, &work->best[0],
                                               (uint32_t)model->config->word_separator, fusion};
    const struct word_confidence *words;
    size_t n_words;
    enum asr_status st = confidence_words(work->confidence, &problem, &model->config->confidence,
                                          &words, &n_words, err);

    if (st != ASR_OK)
        return st;
    assert(n_words == t->n_words);
    for (size_t i = 0; i < n_words; i++)
        t->words[i].confidence = words[i].confidence;
    return ASR_OK;
}

enum asr_status model_decode(const struct model *model, struct model_work *work,
                             const float *log_posteriors, size_t frames, double duration_seconds,
                             const struct transcribe_options *options, struct transcript **out,
                             struct asr_error *err)
{
    const struct fusion weights = fusion_of(model, options);
    const struct fusion *fusion = weights.lm || weights.phrases ? &weights : NULL;
    struct transcript *t = NULL;
    size_t found;
    enum asr_status st;

    assert(options->n_best >= 1 && options->n_best <= MODEL_MAX_ALTERNATIVES);
    *out = NULL;
    st = search(model, work, log_posteriors, frames, fusion, options->n_best, &found, err);
    if (st == ASR_OK)
        st = transcript_new(&t, model->config, work->best, found, log_posteriors, frames,
                            model_frame_seconds(model), duration_seconds, &segment_defaults, err);
    if (st == ASR_OK && work->confidence)
        st = calibrate(model, work, log_posteriors, frames, fusion, t, err);
    if (st != ASR_OK) {
        transcript_free(t);
        return st;
    }
    *out = t;
    return ASR_OK;
}

size_t model_posterior_frames(const struct model *model, size_t feature_frames)
{
    return network_out_frames(model->network, feature_frames);
}

/* All that the batch, which gives `rows`, wants of the work's memory. */
static enum asr_status reserve_batch(const struct model *model, struct model_work *work,
                                     const struct batch *batch, size_t rows, struct asr_error *err)
{
    enum asr_status st = network_reserve(work->network, model->network, batch, err);

    if (st == ASR_OK)
        st = reserve(&work->posteriors, rows, network_out_width(model->network), err);
    /* One utterance lies as the network wants it already. */
    if (st == ASR_OK && batch->count > 1)
        st = reserve(&work->features, batch_rows(batch), network_in_width(model->network), err);
    return st;
}

/* The features of all, one behind the other. */
static const float *pack(const struct model *model, struct model_work *work,
                         const struct utterance *utterances, size_t count)
{
    size_t width = network_in_width(model->network);
    float *to = work->features.values;

    if (count == 1)
        return utterances[0].features;
    for (size_t u = 0; u < count; u++) {
        size_t floats = utterances[u].frames * width;
        if (floats > 0)
            memcpy(to, utterances[u].features, floats * sizeof(*to));
        to += floats;
    }
    return work->features.values;
}

/* Through the network: work->posteriors are those of all, one behind the other. */
static enum asr_status forward(const struct model *model, struct model_work *work,
                               const struct utterance *utterances, size_t count,
                               struct asr_error *err)
{
    const struct batch batch = {count, work->lengths};
    size_t rows = 0;

    assert(count <= work->max_batch);
    for (size_t u = 0; u < count; u++) {
        work->lengths[u] = utterances[u].frames;
        rows += model_posterior_frames(model, utterances[u].frames);
    }
    enum asr_status st = reserve_batch(model, work, &batch, rows, err);
    if (st != ASR_OK)
        return st;
    network_forward(model->network, work->network, &batch, pack(model, work, utterances, count),
                    work->posteriors.values);
    log_softmax(work->posteriors.values, rows, network_out_width(model->network));
    return ASR_OK;
}

enum asr_status model_posteriors_batch(const struct model *model, struct model_work *work,
                                       const struct utterance *utterances, size_t count,
                                       struct asr_error *err)
{
    enum asr_status st = forward(model, work, utterances, count, err);
    const float *from = work->posteriors.values;

    for (size_t u = 0; st == ASR_OK && u < count; u++) {
        size_t floats =
            model_posterior_frames(model, utterances[u].frames) * network_out_width(model->network);
        if (floats > 0)
            memcpy(utterances[u].log_posteriors, from, floats * sizeof(*from));
        from += floats;
    }
    return st;
}

enum asr_status model_posteriors(const struct model *model, struct model_work *work,
                                 const struct features *features, const float **log_posteriors,
                                 size_t *frames, struct asr_error *err)
{
    const struct utterance alone = {features->values, features->frames, NULL};

    assert(features->frames == 0 || features->bins == network_in_width(model->network));
    enum asr_status st = forward(model, work, &alone, 1, err);
    if (st != ASR_OK)
        return st;
    *log_posteriors = work->posteriors.values;
    *frames = model_posterior_frames(model, features->frames);
    return ASR_OK;
}

enum asr_status model_transcribe(const struct model *model, struct model_work *work,
                                 const struct features *features,
                                 const struct transcribe_options *options, struct transcript **out,
                                 struct asr_error *err)
{
    const float *log_posteriors;
    size_t frames;
    enum asr_status st = model_posteriors(model, work, features, &log_posteriors, &frames, err);

    *out = NULL;
    return st == ASR_OK ? model_decode(model, work, log_posteriors, frames,
                                       features->duration_seconds, options, out, err)
                        : st;
}
