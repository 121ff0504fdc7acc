/* fuzz_request.c - a JSON body as the server reads it: members -> fields of the request -> what the
 * decoder is told.
 *
 * The input's first byte chooses the kind of request and what is served; the rest is the body. A
 * request that is taken keeps its header's promises, and its phrases make an automaton; one that
 * is refused gives an error that can be sent. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audio/count.h"
#include "proto/alignment_request.h"
#include "proto/json_form.h"
#include "proto/search_request.h"
#include "proto/transcription_request.h"
#include "proto/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_input);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void check_error(struct api_error *e)
{
    struct buffer out;

    buffer_init(&out, 1 << 16);
    REQUIRE(api_error_render(e, &out, NULL) == ASR_OK);
    REQUIRE(utf8_valid(out.bytes, out.n_bytes));
    buffer_free(&out);
}

static void check_phrases(const struct phrase_list *list)
{
    static char *tokens[] = {"", " ", "a", "b", "th", "T", "\xC3\xA9", "'"};
    static const struct model_config config = {
        .tokens = tokens, .n_tokens = COUNT(tokens), .blank = 0, .word_separator = 1};
    struct phrases *phrases;
    size_t n_problems;
    double reward;

    REQUIRE(list->n_phrases <= PHRASES_MAX);
    REQUIRE(phrases_new(&phrases, &config, list->phrases, list->n_phrases, NULL) == ASR_OK);
    const struct phrase_problem *problems = phrases_problems(phrases, &n_problems);
    REQUIRE(n_problems <= list->n_phrases);
    for (size_t i = 0; i < n_problems; i++)
        REQUIRE(problems[i].phrase < list->n_phrases && *problems[i].why.text);
    phrases_word_end(phrases, phrases_next(phrases, PHRASES_START, "ab"), &reward);
    REQUIRE(reward >= 0.0);
    phrases_free(phrases);
}

static void check_transcription(const struct transcription_request *req)
{
    REQUIRE(strlen(req->id) < sizeof(req->id) && strlen(req->languages) < sizeof(req->languages));
    REQUIRE(isnan(req->alpha) || (req->alpha >= 0.0 && req->alpha <= REQUEST_MAX_ALPHA));
    REQUIRE(isnan(req->beta) || fabs(req->beta) <= REQUEST_MAX_BETA);
    REQUIRE(req->temperature >= 0.0 && req->temperature <= 1.0);
    check_phrases(&req->phrases);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_input)
{
    static const struct request_kind *const kinds[] = {&redecode_requests, &transcription_requests,
                                                       &search_requests, &alignment_requests};
    union {
        struct audio_request audio;
        struct transcription_request transcription;
        struct search_request search;
        struct alignment_request alignment;
    } request;
    struct api_error e;

    if (n_input == 0)
        return 0;
    const struct request_kind *kind = kinds[input[0] % COUNT(kinds)];
    const struct served served = {"en-v1", "en,whisper-1", "en", input[0] & 4, input[0] & 8};
    size_t n_body = n_input - 1;
    char *body =
        malloc(n_body ? n_body : 1); /* of its own size, so that no read past it goes unseen */
    REQUIRE(body);
    memcpy(body, input + 1, n_body);
    audio_request_init(&request.audio, kind);
    enum api_error_code code = json_form_read(&request.audio, body, n_body, &e);
    if (code == API_OK)
        code = audio_request_finish(&request.audio, !kind->without_audio, &served, &e);
    if (code != API_OK)
        check_error(&e);
    else if (kind == &search_requests)
        check_phrases(&request.search.phrases);
    else if (kind != &alignment_requests)
        check_transcription(&request.transcription);
    audio_request_release(&request.audio);
    free(body);
    return 0;
}
