/* fuzz_multipart.c - a form as the server reads it: body -> parts -> fields of the request.
 *
 * The input's first byte seeds the cutting; the rest up to the first LF is the Content-Type, and
 * what follows is the body. It is parsed whole and in pieces: both must see the same events and
 * end alike. Each piece has memory of its own size, so that no read past it goes unseen. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/buffer.h"
#include "proto/multipart.h"
#include "proto/transcription_request.h"
#include "proto/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_input);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

struct form {
    struct buffer events; /* all that was seen, in order */
    struct buffer value;  /* of the part that is open */
    char name[256];
    struct transcription_request request;
    struct api_error error;
    enum api_error_code code; /* the first that a field gave */
    bool open;
};

static enum asr_status on_begin(void *ctx, const struct multipart_part *part, struct asr_error *err)
{
    struct form *form = ctx;

    REQUIRE(!form->open);
    form->open = true;
    form->value.n_bytes = 0;
    REQUIRE(strlen(part->name) < sizeof(form->name)); /* inside max_header_bytes */
    strcpy(form->name, part->name);
    return buffer_printf(&form->events, err, "begin %s %s %s\n", part->name,
                         part->filename ? part->filename : "-",
                         part->content_type ? part->content_type : "-");
}

static enum asr_status on_data(void *ctx, const char *bytes, size_t n_bytes, struct asr_error *err)
{
    struct form *form = ctx;

    REQUIRE(form->open && n_bytes > 0);
    return buffer_append(&form->value, bytes, n_bytes, err);
}

static enum asr_status on_end(void *ctx, struct asr_error *err)
{
    struct form *form = ctx;

    REQUIRE(form->open);
    form->open = false;
    REQUIRE(buffer_append(&form->value, "", 0, err) == ASR_OK); /* the 0 behind it */
    if (form->code == API_OK)
        form->code = audio_request_field(&form->request.audio, form->name, form->value.bytes,
                                         form->value.n_bytes, &form->error);
    enum asr_status st = buffer_append(&form->events, form->value.bytes, form->value.n_bytes, err);
    return st == ASR_OK ? buffer_printf(&form->events, err, "\nend %d\n", form->code) : st;
}

static void form_init(struct form *form)
{
    memset(form, 0, sizeof(*form));
    buffer_init(&form->events, 1 << 20);
    buffer_init(&form->value, 1 << 20);
    struct asr_error err;
    REQUIRE(buffer_append(&form->value, "", 0, &err) == ASR_OK);
    REQUIRE(buffer_append(&form->events, "", 0, &err) == ASR_OK);
    transcription_request_init(&form->request);
}

static void form_free(struct form *form)
{
    buffer_free(&form->events);
    buffer_free(&form->value);
    transcription_request_free(&form->request);
}

/* Parses in pieces of up to `longest` bytes, chosen by `seed`. */
static enum asr_status read_form(struct form *form, const char *type, const uint8_t *body,
                                 size_t n_body, size_t longest, unsigned seed,
                                 struct asr_error *err)
{
    static const struct multipart_limits limits = {.max_parts = 8, .max_header_bytes = 255};
    static const struct multipart_events events = {on_begin, on_data, on_end};
    struct multipart *mp;
    enum asr_status st = multipart_new(&mp, type, &limits, &events, form, err);

    while (st == ASR_OK && n_body > 0) {
        seed = seed * 1664525u + 1013904223u;
        size_t n = 1 + (seed >> 8) % longest;
        if (longest == SIZE_MAX || n > n_body)
            n = n_body;
        char *piece = malloc(n);
        REQUIRE(piece);
        memcpy(piece, body, n);
        st = multipart_push(mp, piece, n, err);
        free(piece);
        body += n;
        n_body -= n;
    }
    if (st == ASR_OK)
        st = multipart_finish(mp, err);
    multipart_free(mp);
    return st;
}

static void check_request(struct form *form)
{
    if (form->code == API_OK)
        form->code = audio_request_finish(
            &form->request.audio, true,
            &(struct served){"en-v1", "en,whisper-1", "en", false, true}, &form->error);
    if (form->code != API_OK) {
        struct buffer out;
        struct asr_error err;
        buffer_init(&out, 1 << 16);
        REQUIRE(api_error_render(&form->error, &out, &err) == ASR_OK);
        REQUIRE(utf8_valid(out.bytes, out.n_bytes));
        buffer_free(&out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_input)
{
    const uint8_t *end_of_type = n_input > 1 ? memchr(input + 1, '\n', n_input - 1) : NULL;
    if (!end_of_type)
        return 0;
    unsigned seed = input[0];
    size_t n_type = (size_t)(end_of_type - input) - 1;
    char *type = strndup((const char *)input + 1, n_type);
    const uint8_t *body = end_of_type + 1;
    size_t n_body = n_input - n_type - 2;
    struct form whole, cut;
    struct asr_error whole_err = {0}, cut_err = {0};

    REQUIRE(type);
    form_init(&whole);
    form_init(&cut);
    enum asr_status st = read_form(&whole, type, body, n_body, SIZE_MAX, 0, &whole_err);
    enum asr_status st_cut = read_form(&cut, type, body, n_body, 1 + seed % 32, seed, &cut_err);
    REQUIRE(st == st_cut);
    REQUIRE(st == ASR_OK || strcmp(whole_err.text, cut_err.text) == 0);
    REQUIRE(whole.code == cut.code && whole.open == cut.open);
    REQUIRE(whole.events.n_bytes == cut.events.n_bytes);
    REQUIRE(memcmp(whole.events.bytes, cut.events.bytes, whole.events.n_bytes) == 0);
    REQUIRE(!whole.open || st != ASR_OK);
    check_request(&whole);
    form_free(&whole);
    form_free(&cut);
    free(type);
    return 0;
}
