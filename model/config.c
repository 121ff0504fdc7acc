/* config.c - see config.h for the contract and model/FORMAT.md for the keys.
 *
 * Every key is required and every unknown key refused: a model whose config means something that
 * this reader does not know must fail at load, not transcribe badly. What an array of layers means
 * is the network's business (model/layer.h); here it is only known to be an array of objects. */
#include "model/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/count.h"
#include "model/json_fields.h"

enum { VERSION = 1, MAX_BEAM_WIDTH = 4096 };

static enum asr_status no_memory(struct asr_error *err)
{
    return asr_fail(err, ASR_ERR_NOMEM, "out of memory");
}

static enum asr_status copy(char **out, const char *text, struct asr_error *err)
{
    *out = strdup(text);
    return *out ? ASR_OK : no_memory(err);
}

/* A string that is one of the two or three that the format knows. */
static enum asr_status require_text(struct json_fields *f, const char *key, const char *want,
                                    struct asr_error *err)
{
    const char *text;
    enum asr_status st = json_fields_string(f, key, &text, err);
    if (st == ASR_OK && strcmp(text, want) != 0)
        st = asr_fail(err, ASR_ERR_UNSUPPORTED, "%s%s%s: '%.64s' is not supported, only '%s' is",
                      f->path, f->path[0] ? "." : "", key, text, want);
    return st;
}

static enum asr_status read_identity(struct model_config *c, struct json_fields *f,
                                     struct asr_error *err)
{
    const struct {
        const char *key;
        char **slot;
    } want[] = {{"name", &c->name},
                {"language", &c->language},
                {"licence", &c->licence},
                {"source", &c->source}};
    size_t version;
    enum asr_status st = require_text(f, "format", "scribed-model", err);

    if (st == ASR_OK)
        st = json_fields_size(f, "version", 0, 1000000, &version, err);
    if (st == ASR_OK && version != VERSION)
        st = asr_fail(err, ASR_ERR_UNSUPPORTED, "version: %zu is not supported, only %d is",
                      version, VERSION);
    for (size_t i = 0; st == ASR_OK && i < COUNT(want); i++) {
        const char *text;
        st = json_fields_string(f, want[i].key, &text, err);
        if (st == ASR_OK && !text[0])
            st = asr_fail(err, ASR_ERR_FORMAT, "%s: is empty", want[i].key);
        if (st == ASR_OK)
            st = copy(want[i].slot, text, err);
    }
    if (st == ASR_OK &&
        (strlen(c->language) != 2 || strspn(c->language, "abcdefghijklmnopqrstuvwxyz") != 2))
        st = asr_fail(err, ASR_ERR_FORMAT,
                      "language: '%.32s' is not an ISO 639-1 code, two lower-case letters",
                      c->language);
    return st;
}

static enum asr_status read_window(struct json_fields *f, enum fbank_window *out,
                                   struct asr_error *err)
{
    static const struct {
        const char *name;
        enum fbank_window window;
    } windows[] = {{"povey", WINDOW_POVEY},
                   {"hamming", WINDOW_HAMMING},
                   {"hanning", WINDOW_HANNING},
                   {"rectangular", WINDOW_RECTANGULAR}};
    const char *name;
    enum asr_status st = json_fields_string(f, "window", &name, err);

    if (st != ASR_OK)
        return st;
    for (size_t i = 0; i < COUNT(windows); i++) {
        if (strcmp(name, windows[i].name) == 0) {
            *out = windows[i].window;
            return ASR_OK;
        }
    }
    return asr_fail(err, ASR_ERR_UNSUPPORTED,
                    "features.window: '%.32s' is not povey, hamming, hanning or rectangular", name);
}

/* Keys whose only value that we implement is fixed: others would change the features. */
static enum asr_status read_fixed(struct json_fields *f, struct asr_error *err)
{
    bool snip_edges;
    double dither;
    enum asr_status st = require_text(f, "type", "kaldi-fbank", err);

    if (st == ASR_OK)
        st = json_fields_bool(f, "snip_edges", &snip_edges, err);
    if (st == ASR_OK && !snip_edges)
        st = asr_fail(err, ASR_ERR_UNSUPPORTED, "features.snip_edges: only true is supported");
    if (st == ASR_OK)
        st = json_fields_number(f, "dither", 0, 0, &dither, err);
    return st;
}

/* The bounds keep later arithmetic in range; what makes sense together is fbank_new()'s to say. */
static enum asr_status read_features(struct fbank_config *c, const json_t *object,
                                     struct asr_error *err)
{
    const struct {
        const char *key;
        double min, max, *slot;
    } numbers[] = {{"sample_scale", 1e-6, 1e9, &c->sample_scale},
                   {"frame_length_ms", 0.1, 10000, &c->frame_length_ms},
                   {"frame_shift_ms", 0.1, 10000, &c->frame_shift_ms},
                   {"low_freq", 0, 1e6, &c->low_freq_hz},
                   {"high_freq", -1e6, 1e6, &c->high_freq_hz},
                   {"preemphasis", 0, 1, &c->preemphasis},
                   {"log_floor", 1e-30, 1e9, &c->log_floor}};
    struct json_fields f;
    size_t rate_hz = 0;
    enum asr_status st = json_fields_open(&f, object, "features", err);

    if (st == ASR_OK)
        st = read_fixed(&f, err);
    if (st == ASR_OK)
        st = json_fields_size(&f, "sample_rate", 1000, 768000, &rate_hz, err);
    if (st == ASR_OK)
        st = json_fields_size(&f, "num_mel_bins", 1, 4096, &c->num_mel_bins, err);
    if (st == ASR_OK)
        st = json_fields_size(&f, "fft_size", 2, 1 << 20, &c->fft_size, err);
    for (size_t i = 0; st == ASR_OK && i < COUNT(numbers); i++)
        st = json_fields_number(&f, numbers[i].key, numbers[i].min, numbers[i].max, numbers[i].slot,
                                err);
    if (st == ASR_OK)
        st = read_window(&f, &c->window, err);
    if (st == ASR_OK)
        st = json_fields_bool(&f, "remove_dc_offset", &c->remove_dc_offset, err);
    if (st == ASR_OK)
        st = json_fields_bool(&f, "power", &c->power, err);
    if (st == ASR_OK)
        st = json_fields_done(&f, err);
    c->sample_rate_hz = (unsigned)rate_hz;
    return st;
}

static enum asr_status read_normalisation(struct model_config *c, const json_t *object,
                                          struct asr_error *err)
{
    struct json_fields f;
    const char *mean, *std;
    enum asr_status st = json_fields_open(&f, object, "normalisation", err);

    if (st == ASR_OK)
        st = json_fields_string(&f, "mean", &mean, err);
    if (st == ASR_OK)
        st = json_fields_string(&f, "std", &std, err);
    if (st == ASR_OK)
        st = json_fields_done(&f, err);
    if (st != ASR_OK)
        return st;
    c->subtract_utterance_mean = strcmp(mean, "utterance") == 0;
    if (!c->subtract_utterance_mean && strcmp(mean, "none") != 0)
        st = copy(&c->mean_tensor, mean, err);
    if (st == ASR_OK && strcmp(std, "none") != 0)
        st = copy(&c->std_tensor, std, err);
    return st;
}

static enum asr_status read_layers(struct model_config *c, struct json_fields *top,
                                   struct asr_error *err)
{
    enum asr_status st = json_fields_array(top, "layers", &c->layers, err);
    if (st != ASR_OK)
        return st;
    size_t count = json_array_size(c->layers);
    if (count == 0 || count > CONFIG_MAX_LAYERS)
        return asr_fail(err, ASR_ERR_FORMAT, "layers: expected 1 to %d of them, got %zu",
                        CONFIG_MAX_LAYERS, count);
    for (size_t i = 0; i < count; i++)
        if (!json_is_object(json_array_get(c->layers, i)))
            return asr_fail(err, ASR_ERR_FORMAT, "layers[%zu]: expected an object", i);
    return ASR_OK;
}

static int by_text(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

/* Two labels with one text could not be told apart in a transcript. Sorted, since comparing every
 * pair of 65,536 tokens would take seconds. */
static enum asr_status check_unique(char *const *tokens, size_t n, struct asr_error *err)
{
    enum asr_status st = ASR_OK;
    char **sorted = malloc(n * sizeof(*sorted));

    if (!sorted)
        return no_memory(err);
    memcpy(sorted, tokens, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), by_text);
    for (size_t i = 1; i < n && st == ASR_OK; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            st = asr_fail(err, ASR_ERR_FORMAT, "tokens: '%.64s' occurs twice", sorted[i]);
    free(sorted);
    return st;
}

static enum asr_status read_tokens(struct model_config *c, struct json_fields *top,
                                   struct asr_error *err)
{
    const json_t *array;
    enum asr_status st = json_fields_array(top, "tokens", &array, err);
    if (st != ASR_OK)
        return st;
    size_t count = json_array_size(array);
    if (count < 2 || count > CONFIG_MAX_TOKENS)
        return asr_fail(err, ASR_ERR_FORMAT, "tokens: expected 2 to %d of them, got %zu",
                        CONFIG_MAX_TOKENS, count);
    c->tokens = calloc(count, sizeof(*c->tokens));
    if (!c->tokens)
        return no_memory(err);
    for (size_t i = 0; i < count && st == ASR_OK; i++) {
        const char *text = json_string_value(json_array_get(array, i));
        if (!text || !text[0])
            return asr_fail(err, ASR_ERR_FORMAT, "tokens[%zu]: expected a non-empty string", i);
        st = copy(&c->tokens[i], text, err);
        c->n_tokens = i + 1;
    }
    return st == ASR_OK ? check_unique(c->tokens, count, err) : st;
}

static enum asr_status read_special_tokens(struct model_config *c, struct json_fields *top,
                                           struct asr_error *err)
{
    const char *separator;
    enum asr_status st = json_fields_size(top, "blank", 0, c->n_tokens - 1, &c->blank, err);
    if (st == ASR_OK)
        st = json_fields_string(top, "word_separator", &separator, err);
    if (st != ASR_OK)
        return st;
    for (size_t i = 0; i < c->n_tokens; i++) {
        if (i != c->blank && strcmp(c->tokens[i], separator) == 0) {
            c->word_separator = i;
            return ASR_OK;
        }
    }
    return asr_fail(err, ASR_ERR_FORMAT, "word_separator: '%.64s' is not one of tokens", separator);
}

/* Each key is optional: the object holds what the model would rather have than our defaults. The
 * language model's keys are checked here and belong to the decoder that has one. */
/* With a language model goes how much it counts. Its file lies beside the config: a path would let
 * a model directory read what it has not brought. */
static enum asr_status read_language_model(struct model_config *c, struct json_fields *f,
                                           struct asr_error *err)
{
    const char *lm;
    enum asr_status st = json_fields_string(f, "lm", &lm, err);

    if (st == ASR_OK && (!lm[0] || strchr(lm, '/')))
        st = asr_fail(err, ASR_ERR_FORMAT, "decoder.lm: '%.64s' is not a file name", lm);
    if (st == ASR_OK)
        st = copy(&c->lm, lm, err);
    if (st == ASR_OK)
        st = json_fields_number(f, "alpha", 0, 100, &c->alpha, err);
    if (st == ASR_OK)
        st = json_fields_number(f, "beta", -100, 100, &c->beta, err);
    if (st == ASR_OK)
        st = json_fields_number(f, "unknown_penalty", 0, 1000, &c->unknown_penalty, err);
    return st;
}

static enum asr_status read_confidence(struct model_config *c, struct json_fields *decoder,
                                       struct asr_error *err)
{
    struct confidence_map *map = &c->confidence;
    const struct {
        const char *key;
        double min, *slot;
    } want[] = {{"score_scale", 0, &map->score_scale},
                {"bias", -100, &map->bias},
                {"share_weight", 0, &map->share_weight},
                {"posterior_weight", 0, &map->posterior_weight}};
    const json_t *object;
    struct json_fields f;
    enum asr_status st = json_fields_object(decoder, "confidence", &object, err);

    if (st == ASR_OK)
        st = json_fields_open(&f, object, "decoder.confidence", err);
    for (size_t i = 0; st == ASR_OK && i < COUNT(want); i++)
        st = json_fields_number(&f, want[i].key, want[i].min, 100, want[i].slot, err);
    c->has_confidence = st == ASR_OK;
    return st == ASR_OK ? json_fields_done(&f, err) : st;
}

static enum asr_status read_decoder(struct model_config *c, struct json_fields *top,
                                    struct asr_error *err)
{
    const json_t *object;
    struct json_fields f;
    enum asr_status st = ASR_OK;

    if (!json_fields_has(top, "decoder"))
        return ASR_OK;
    st = json_fields_object(top, "decoder", &object, err);
    if (st == ASR_OK)
        st = json_fields_open(&f, object, "decoder", err);
    if (st == ASR_OK && json_fields_has(&f, "lm"))
        st = read_language_model(c, &f, err);
    if (st == ASR_OK && json_fields_has(&f, "confidence"))
        st = read_confidence(c, &f, err);
    if (st == ASR_OK && json_fields_has(&f, "beam"))
        st = json_fields_size(&f, "beam", 1, MAX_BEAM_WIDTH, &c->beam_width, err);
    return st == ASR_OK ? json_fields_done(&f, err) : st;
}

/* Optional: those that were compared with f32 on speech, and found as good. */
static enum asr_status read_precisions(struct model_config *c, struct json_fields *top,
                                       struct asr_error *err)
{
    const json_t *array;

    c->trusted_precisions = 1U << PRECISION_F32;
    if (!json_fields_has(top, "precisions"))
        return ASR_OK;
    enum asr_status st = json_fields_array(top, "precisions", &array, err);
    for (size_t i = 0; st == ASR_OK && i < json_array_size(array); i++) {
        const char *name = json_string_value(json_array_get(array, i));
        enum precision p = name ? precision_by_name(name) : PRECISION_AUTO;
        if (p == PRECISION_AUTO)
            st = asr_fail(err, ASR_ERR_FORMAT, "precisions[%zu]: expected f32, bf16 or int8", i);
        c->trusted_precisions |= 1U << p;
    }
    return st;
}

static enum asr_status read_document(struct model_config *c, struct asr_error *err)
{
    struct json_fields top;
    const json_t *features, *normalisation;
    enum asr_status st = json_fields_open(&top, c->document, "", err);

    if (st == ASR_OK)
        st = read_identity(c, &top, err);
    if (st == ASR_OK)
        st = json_fields_object(&top, "features", &features, err);
    if (st == ASR_OK)
        st = read_features(&c->features, features, err);
    if (st == ASR_OK)
        st = json_fields_object(&top, "normalisation", &normalisation, err);
    if (st == ASR_OK)
        st = read_normalisation(c, normalisation, err);
    if (st == ASR_OK)
        st = read_layers(c, &top, err);
    if (st == ASR_OK)
        st = read_tokens(c, &top, err);
    if (st == ASR_OK)
        st = read_special_tokens(c, &top, err);
    if (st == ASR_OK)
        st = read_decoder(c, &top, err);
    if (st == ASR_OK)
        st = read_precisions(c, &top, err);
    return st == ASR_OK ? json_fields_done(&top, err) : st;
}

enum asr_status model_config_parse(struct model_config **out, const char *json, size_t n_bytes,
                                   const char *name, struct asr_error *err)
{
    struct asr_error why;
    json_error_t json_why;
    enum asr_status st;
    struct model_config *c = calloc(1, sizeof(*c));

    *out = NULL;
    if (!c)
        return asr_fail(err, ASR_ERR_NOMEM, "%s: out of memory", name);
    c->document = json_loadb(json, n_bytes, JSON_REJECT_DUPLICATES, &json_why);
    if (c->document)
        st = copy(&c->file, name, &why);
    else
        st = asr_fail(&why, ASR_ERR_FORMAT, "line %d: %s", json_why.line, json_why.text);
    if (st == ASR_OK)
        st = read_document(c, &why);
    if (st != ASR_OK) {
        model_config_free(c);
        return asr_fail(err, st, "%s: %s", name, why.text);
    }
    *out = c;
    return ASR_OK;
}

/* One byte more than is allowed is asked for, so that a longer file is seen to be longer. */
static enum asr_status read_file(const char *path, char *bytes, size_t *n_bytes,
                                 struct asr_error *err)
{
    enum asr_status st = ASR_OK;
    FILE *file = fopen(path, "rbe");

    if (!file)
        return asr_fail(err, ASR_ERR_IO, "%s: %s", path, strerror(errno));
    *n_bytes = fread(bytes, 1, CONFIG_MAX_BYTES + 1, file);
    if (ferror(file))
        st = asr_fail(err, ASR_ERR_IO, "%s: %s", path, strerror(errno));
    else if (*n_bytes > CONFIG_MAX_BYTES)
        st = asr_fail(err, ASR_ERR_LIMIT, "%s: larger than %d bytes", path, CONFIG_MAX_BYTES);
    fclose(file);
    return st;
}

enum asr_status model_config_load(struct model_config **out, const char *path,
                                  struct asr_error *err)
{
    size_t n_bytes = 0;
    char *bytes = malloc(CONFIG_MAX_BYTES + 1);
    enum asr_status st;

    *out = NULL;
    if (!bytes)
        return asr_fail(err, ASR_ERR_NOMEM, "%s: out of memory", path);
    st = read_file(path, bytes, &n_bytes, err);
    if (st == ASR_OK)
        st = model_config_parse(out, bytes, n_bytes, path, err);
    free(bytes);
    return st;
}

void model_config_free(struct model_config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config->n_tokens; i++)
        free(config->tokens[i]);
    free(config->tokens);
    free(config->file);
    free(config->name);
    free(config->language);
    free(config->licence);
    free(config->lm);
    free(config->source);
    free(config->mean_tensor);
    free(config->std_tensor);
    json_decref(config->document);
    free(config);
}
