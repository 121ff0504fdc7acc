/* model.h - a model directory, loaded: features, network, tokens; and recordings turned into text.
 *
 * struct model is immutable after loading and shared by all threads. struct model_work is one
 * thread's scratch and decoder. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <stddef.h>

#include "audio/front_end.h"
#include "audio/status.h"
#include "model/config.h"
#include "model/kernels/kernel.h"
#include "model/network.h"
#include "model/phrases.h"
#include "model/transcript.h"

struct model;
struct model_work;

enum decoder_kind { DECODER_BEAM, DECODER_GREEDY };

/* Of a model, for as long as it is loaded. */
struct model_options {
    enum precision precision; /* of the recurrent layers; PRECISION_AUTO: what the config trusts */
    const char *kernel;       /* "": the fastest of this machine (model/kernels/kernel.h) */
};
extern const struct model_options model_defaults; /* PRECISION_AUTO, "" */

/* Of a model_work, for all that it computes. */
struct decode_options {
    enum decoder_kind decoder;
    size_t beam_width; /* 0: the model's own */
    size_t max_batch;  /* utterances that model_posteriors_batch() takes at once; 0: one */
};

/* Of one recording. */
struct transcribe_options {
    const struct phrases *phrases; /* NULL: none; borrowed for the call */
    size_t n_best;                 /* alternatives wanted, 1 to MODEL_MAX_ALTERNATIVES */
    double alpha, beta;            /* NAN: the model's own */
};
enum { MODEL_MAX_ALTERNATIVES = 20 };

/* No phrases, one answer, the model's own weights. */
extern const struct transcribe_options transcribe_defaults;

/* Reads DIR/config.json, DIR/model.safetensors and the language model that the config names. The
 * text names the file, key or tensor. */
enum asr_status model_load(struct model **out, const char *dir, const struct model_options *options,
                           struct asr_error *err);
void model_free(struct model *model); /* NULL is fine */

const struct model_config *model_config(const struct model *model);
const struct fbank *model_fbank(const struct model *model);
const struct network *model_network(const struct model *model);
const struct kernel *model_kernel(const struct model *model);
double model_frame_seconds(const struct model *model); /* of one row of posteriors */

enum asr_status model_work_new(struct model_work **out, const struct model *model,
                               const struct decode_options *options, struct asr_error *err);
void model_work_free(struct model_work *work);

/* One utterance of a batch, in and out; all of it the caller's. */
struct utterance {
    const float *features; /* [frames, bins], model_fbank()'s */
    size_t frames;
    float *log_posteriors; /* [model_posterior_frames(frames), tokens], natural log */
};

size_t model_posterior_frames(const struct model *model, size_t feature_frames);

/* Utterances of any lengths, at most max_batch of them, through the network together: for each what
 * it would get alone, bit for bit. On failure nothing is written. */
enum asr_status model_posteriors_batch(const struct model *model, struct model_work *work,
                                       const struct utterance *utterances, size_t count,
                                       struct asr_error *err);

/* features (model_fbank()'s) -> *log_posteriors[*frames, tokens], natural log, one row in
 * model_frame_seconds(). They are the work's own: good until its next use. */
enum asr_status model_posteriors(const struct model *model, struct model_work *work,
                                 const struct features *features, const float **log_posteriors,
                                 size_t *frames, struct asr_error *err);

/* log_posteriors[frames, tokens], as model_posteriors() gave them -> *out: transcript_free(). The
 * greedy decoder knows no phrases, no language model and one answer. No frames give empty text. */
enum asr_status model_decode(const struct model *model, struct model_work *work,
                             const float *log_posteriors, size_t frames, double duration_seconds,
                             const struct transcribe_options *options, struct transcript **out,
                             struct asr_error *err);

/* Both: features -> *out. */
enum asr_status model_transcribe(const struct model *model, struct model_work *work,
                                 const struct features *features,
                                 const struct transcribe_options *options, struct transcript **out,
                                 struct asr_error *err);

#endif
