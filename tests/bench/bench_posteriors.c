/* bench_posteriors OUT FILE... - log-posteriors of recordings by the shipped model, for decoders to
 * be compared on: OUT/NAME.f32 [frames, tokens] and OUT/tokens.json, as decoder_peers.py takes
 * them. A part of decoder.sh; by itself it measures nothing. */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/mapped_file.h"
#include "model/model.h"

struct program {
    struct model *model;
    struct model_work *work;
    struct front_end_work *front_end;
    struct features features;
};

static const struct decode_limits limits = {.max_seconds = 3600,
                                            .min_rate_hz = 8000,
                                            .max_rate_hz = 48000,
                                            .max_channels = 2,
                                            .max_decoded_bytes = UINT64_C(1) << 32};

static enum asr_status write_posteriors(const struct program *p, const char *out, const char *path,
                                        const float *log_posteriors, size_t frames,
                                        struct asr_error *err)
{
    char name[4096];
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t values = frames * network_out_width(model_network(p->model));

    snprintf(name, sizeof(name), "%s/%.*s.f32", out, (int)strcspn(base, "."), base);
    FILE *file = fopen(name, "wb");
    if (!file)
        return asr_fail(err, ASR_ERR_IO, "%s: cannot be written", name);
    bool whole = fwrite(log_posteriors, sizeof(float), values, file) == values;
    whole = fclose(file) == 0 && whole;
    return whole ? ASR_OK : asr_fail(err, ASR_ERR_IO, "%s: cannot be written", name);
}

static enum asr_status run_file(struct program *p, const char *out, const char *path,
                                struct asr_error *err)
{
    struct mapped_file file;
    const float *log_posteriors;
    size_t frames;
    enum asr_status st = mapped_file_open(&file, path, err);

    if (st == ASR_OK)
        st = front_end_extract(model_fbank(p->model), p->front_end, file.bytes, file.n_bytes, NULL,
                               CHANNEL_MIX, &limits, &p->features, err);
    if (st == ASR_OK)
        st = model_posteriors(p->model, p->work, &p->features, &log_posteriors, &frames, err);
    if (st == ASR_OK)
        st = write_posteriors(p, out, path, log_posteriors, frames, err);
    mapped_file_close(&file);
    return st;
}

static int write_tokens(const struct program *p, const char *out)
{
    const struct model_config *config = model_config(p->model);
    char path[4096];
    json_t *tokens = json_array();

    for (size_t i = 0; i < config->n_tokens; i++)
        json_array_append_new(tokens, json_string(config->tokens[i]));
    json_t *info =
        json_pack("{s:o, s:I, s:I, s:f}", "tokens", tokens, "blank", (json_int_t)config->blank,
                  "word_separator", (json_int_t)config->word_separator, "frame_seconds",
                  model_frame_seconds(p->model));
    snprintf(path, sizeof(path), "%s/tokens.json", out);
    int failed = json_dump_file(info, path, 0);
    json_decref(info);
    return failed;
}

int main(int argc, char **argv)
{
    const struct decode_options greedy = {.decoder = DECODER_GREEDY};
    struct program p = {0};
    struct asr_error err;

    if (argc < 3) {
        puts("{\"bench\":\"posteriors\",\"skipped\":\"a part of decoder.sh\"}");
        return EXIT_SUCCESS;
    }
    enum asr_status st = model_load(&p.model, "model/en", &model_defaults, &err);
    if (st == ASR_OK)
        st = model_work_new(&p.work, p.model, &greedy, &err);
    if (st == ASR_OK)
        st = front_end_work_new(&p.front_end, model_fbank(p.model), limits.max_channels, &err);
    for (int i = 2; st == ASR_OK && i < argc; i++)
        st = run_file(&p, argv[1], argv[i], &err);
    if (st != ASR_OK)
        fprintf(stderr, "bench_posteriors: %s\n", err.text);
    bool good = st == ASR_OK && write_tokens(&p, argv[1]) == 0;
    features_free(&p.features);
    front_end_work_free(p.front_end);
    model_work_free(p.work);
    model_free(p.model);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
