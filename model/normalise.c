#include "model/normalise.h"

#include <stdbool.h>
#include <stdlib.h>

struct normalise {
    size_t bins;
    bool utterance_mean;
    float *mean; /* [bins]; NULL unless the model stores one */
    float *std;  /* [bins]; NULL: not divided */
};

static enum asr_status check_std(const struct normalise *n, const float *std, const char *name,
                                 struct asr_error *err)
{
    for (size_t b = 0; b < n->bins; b++)
        if (std[b] <= 0)
            return asr_fail(err, ASR_ERR_FORMAT,
                            "normalisation.std: tensor '%.80s': element %zu is %g, not positive",
                            name, b, (double)std[b]);
    return ASR_OK;
}

enum asr_status normalise_load(struct normalise **out, const struct model_config *config,
                               const struct safetensors *tensors, struct asr_error *err)
{
    enum asr_status st = ASR_OK;
    struct normalise *n = calloc(1, sizeof(*n));

    *out = NULL;
    if (!n)
        return asr_fail(err, ASR_ERR_NOMEM, "normalisation: out of memory");
    n->bins = config->features.num_mel_bins;
    n->utterance_mean = config->subtract_utterance_mean;
    if (config->mean_tensor)
        st = safetensors_load_f32(tensors, config->mean_tensor, 1, &n->bins, &n->mean, err);
    if (st == ASR_OK && config->std_tensor)
        st = safetensors_load_f32(tensors, config->std_tensor, 1, &n->bins, &n->std, err);
    if (st == ASR_OK && n->std)
        st = check_std(n, n->std, config->std_tensor, err);
    if (st != ASR_OK) {
        normalise_free(n);
        return st;
    }
    *out = n;
    return ASR_OK;
}

void normalise_free(struct normalise *n)
{
    if (!n)
        return;
    free(n->mean);
    free(n->std);
    free(n);
}

/* Summed in double: over an hour's 360,000 frames float32 would lose the third decimal. */
static void find_mean(const struct normalise *n, const float *x, size_t frames, double *mean)
{
    for (size_t b = 0; b < n->bins; b++)
        mean[b] = n->mean ? n->mean[b] : 0;
    if (!n->utterance_mean || frames == 0)
        return;
    for (size_t t = 0; t < frames; t++, x += n->bins)
        for (size_t b = 0; b < n->bins; b++)
            mean[b] += x[b];
    for (size_t b = 0; b < n->bins; b++)
        mean[b] /= (double)frames;
}

void normalise_forward(const struct normalise *n, double *mean, const struct batch *batch,
                       const float *x, float *y)
{
    for (size_t u = 0; u < batch->count; u++) {
        find_mean(n, x, batch->lengths[u], mean);
        for (size_t t = 0; t < batch->lengths[u]; t++, x += n->bins, y += n->bins) {
            for (size_t b = 0; b < n->bins; b++)
                y[b] = (float)(x[b] - mean[b]);
            for (size_t b = 0; n->std && b < n->bins; b++)
                y[b] /= n->std[b];
        }
    }
}
