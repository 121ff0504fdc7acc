#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/buffer.h"
#include "proto/multipart.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

static const struct multipart_limits limits = {.max_parts = 8, .max_header_bytes = 512};

/* What the events said, as text: "name|filename|content type[data]" for each part, "-" for NULL. */
struct log {
    struct buffer text;
    size_t n_data_events, n_empty_events;
    enum asr_status begin_answer, data_answer;
};

static enum asr_status on_begin(void *ctx, const struct multipart_part *part, struct asr_error *err)
{
    struct log *log = ctx;
    if (log->begin_answer != ASR_OK)
        return asr_fail(err, log->begin_answer, "begin refused");
    return buffer_printf(&log->text, err, "%s|%s|%s[", part->name,
                         part->filename ? part->filename : "-",
                         part->content_type ? part->content_type : "-");
}

static enum asr_status on_data(void *ctx, const char *bytes, size_t n_bytes, struct asr_error *err)
{
    struct log *log = ctx;
    log->n_data_events++;
    log->n_empty_events += n_bytes == 0;
    if (log->data_answer != ASR_OK)
        return asr_fail(err, log->data_answer, "data refused");
    return buffer_append(&log->text, bytes, n_bytes, err);
}

static enum asr_status on_end(void *ctx, struct asr_error *err)
{
    return buffer_append(&((struct log *)ctx)->text, "]\n", 2, err);
}

static const struct multipart_events events = {on_begin, on_data, on_end};

static struct log log_of;
static struct asr_error err;

static void setup(void)
{
    log_of = (struct log){.begin_answer = ASR_OK};
    buffer_init(&log_of.text, 1 << 24);
}

static void teardown(void)
{
    buffer_free(&log_of.text);
}

/* Parses body[n_bytes], cut at `cut` and at every `step` bytes. Each piece is copied to memory of
 * its own size, so that a sanitizer sees a read past it. */
static enum asr_status parse_cut(const char *type, const char *body, size_t n_bytes, size_t cut,
                                 size_t step)
{
    struct multipart *mp;
    enum asr_status st = multipart_new(&mp, type, &limits, &events, &log_of, &err);

    log_of.text.n_bytes = 0;
    log_of.n_data_events = 0;
    ck_assert_int_eq(buffer_append(&log_of.text, "", 0, &err), ASR_OK);
    for (size_t at = 0; at < n_bytes && st == ASR_OK;) {
        size_t n = at < cut && at + step > cut ? cut - at : step;
        if (n > n_bytes - at)
            n = n_bytes - at;
        char *piece = malloc(n);
        ck_assert_ptr_nonnull(piece);
        memcpy(piece, body + at, n);
        st = multipart_push(mp, piece, n, &err);
        free(piece);
        at += n;
    }
    if (st == ASR_OK)
        st = multipart_finish(mp, &err);
    multipart_free(mp);
    ck_assert_uint_eq(log_of.n_empty_events, 0);
    return st;
}

static enum asr_status parse(const char *type, const char *body)
{
    return parse_cut(type, body, strlen(body), 0, SIZE_MAX / 2);
}

#define TYPE "multipart/form-data; boundary=xyz"
#define PART(name) "--xyz\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define END "\r\n--xyz--\r\n"

/* Bodies that are fine. The first five are what the clients named sent on 2026-11-23, captured
 * from a socket; the audio is 12 bytes with a NUL and a CR LF "--" in it. */
static const struct {
    const char *type;
    const char *body;
    size_t n_bytes;
    const char *log;
    size_t n_log;
} good[] = {
#define BYTES(text) text, sizeof(text) - 1
    /* curl 7.88.1 */
    {"multipart/form-data; boundary=------------------------d4d781e4ead677a6",
     BYTES("--------------------------d4d781e4ead677a6\r\nContent-Disposition: form-data; "
           "name=\"file\"; filename=\"\xc3\xa9 %22q%22.wav\"\r\nContent-Type: "
           "audio/wav\r\n\r\nRIFF\r\n\0\r\n--\r\n--------------------------d4d781e4ead677a6\r\n"
           "Content-Disposition: form-data; name=\"model\"\r\n\r\nen-v1\r\n"
           "--------------------------d4d781e4ead677a6\r\nContent-Disposition: form-data; "
           "name=\"timestamp_granularities[]\"\r\n\r\nword\r\n"
           "--------------------------d4d781e4ead677a6--\r\n"),
     BYTES("file|\xc3\xa9 %22q%22.wav|audio/wav[RIFF\r\n\0\r\n--]\n"
           "model|-|-[en-v1]\ntimestamp_granularities[]|-|-[word]\n")},
    /* Python requests 2.34.2 (httpx 0.28.1 writes the same lines) */
    {"multipart/form-data; boundary=30086e7276015f75bb8ecec5ab8adc8d",
     BYTES(
         "--30086e7276015f75bb8ecec5ab8adc8d\r\nContent-Disposition: form-data; name=\"model\"\r\n"
         "\r\nen-v1\r\n--30086e7276015f75bb8ecec5ab8adc8d\r\nContent-Disposition: form-data; "
         "name=\"timestamp_granularities[]\"\r\n\r\nword\r\n--30086e7276015f75bb8ecec5ab8adc8d"
         "\r\nContent-Disposition: form-data; name=\"timestamp_granularities[]\"\r\n\r\nsegment"
         "\r\n--30086e7276015f75bb8ecec5ab8adc8d\r\nContent-Disposition: form-data; "
         "name=\"file\"; filename=\"\xc3\xa9 %22q%22.wav\"\r\nContent-Type: audio/wav\r\n\r\n"
         "RIFF\r\n\0\r\n--\r\n--30086e7276015f75bb8ecec5ab8adc8d--\r\n"),
     BYTES("model|-|-[en-v1]\ntimestamp_granularities[]|-|-[word]\n"
           "timestamp_granularities[]|-|-[segment]\n"
           "file|\xc3\xa9 %22q%22.wav|audio/wav[RIFF\r\n\0\r\n--]\n")},
    /* Python openai 3.54.0 */
    {"multipart/form-data; boundary=c0245f96ed99e2981e2fc2c4d66951fb",
     BYTES(
         "--c0245f96ed99e2981e2fc2c4d66951fb\r\nContent-Disposition: form-data; name=\"model\"\r\n"
         "\r\nen-v1\r\n--c0245f96ed99e2981e2fc2c4d66951fb\r\nContent-Disposition: form-data; "
         "name=\"chunking_strategy[type]\"\r\n\r\nserver_vad\r\n"
         "--c0245f96ed99e2981e2fc2c4d66951fb\r\nContent-Disposition: form-data; name=\"file\"; "
         "filename=\"a.wav\"\r\nContent-Type: audio/x-wav\r\n\r\nRIFF\r\n\0\r\n--\r\n"
         "--c0245f96ed99e2981e2fc2c4d66951fb--\r\n"),
     BYTES("model|-|-[en-v1]\nchunking_strategy[type]|-|-[server_vad]\n"
           "file|a.wav|audio/x-wav[RIFF\r\n\0\r\n--]\n")},
    /* Node.js 20 FormData (undici) */
    {"multipart/form-data; boundary=----formdata-undici-029522920266",
     BYTES(
         "------formdata-undici-029522920266\r\nContent-Disposition: form-data; name=\"file\"; "
         "filename=\"\xc3\xa9 %22q%22.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n\0\r\n--\r\n"
         "------formdata-undici-029522920266\r\nContent-Disposition: form-data; name=\"model\"\r\n"
         "\r\nen-v1\r\n------formdata-undici-029522920266--\r\n"),
     BYTES("file|\xc3\xa9 %22q%22.wav|audio/wav[RIFF\r\n\0\r\n--]\nmodel|-|-[en-v1]\n")},
    /* Node.js openai 6.49.0 */
    {"multipart/form-data; boundary=----formdata-undici-094233584067",
     BYTES(
         "------formdata-undici-094233584067\r\nContent-Disposition: form-data; name=\"model\"\r\n"
         "\r\nen-v1\r\n------formdata-undici-094233584067\r\nContent-Disposition: form-data; "
         "name=\"file\"; filename=\"a.wav\"\r\nContent-Type: application/octet-stream\r\n\r\n"
         "RIFF\r\n\0\r\n--\r\n------formdata-undici-094233584067--\r\n"),
     BYTES("model|-|-[en-v1]\nfile|a.wav|application/octet-stream[RIFF\r\n\0\r\n--]\n")},
    /* a preamble, blanks behind boundaries, an epilogue with the boundary in it */
    {"Multipart/Form-Data;charset=utf-8 ; BOUNDARY=\"x yz\"",
     BYTES("preamble --x yz\r\n--x y\r\n--x yz \t\r\nContent-Disposition: form-data; name=a\r\n\r\n"
           "1\r\n--x yz  \r\nCONTENT-DISPOSITION:form-data;name=b\r\nX-Other: y\r\n\r\n2\r\n"
           "--x yz-- \r\n--x yz\r\nepilogue"),
     BYTES("a|-|-[1]\nb|-|-[2]\n")},
    /* data made of beginnings of the delimiter */
    {TYPE, BYTES(PART("a") "\r\r\n\r\n-\r\n--\r\n--x\r\n--xy\r\r\n--xy\r\n--xy-\n--xyz--xyz\r" END),
     BYTES("a|-|-[\r\r\n\r\n-\r\n--\r\n--x\r\n--xy\r\r\n--xy\r\n--xy-\n--xyz--xyz\r]\n")},
    {TYPE, BYTES(PART("a") "--xy" END), BYTES("a|-|-[--xy]\n")},
    {TYPE, BYTES(PART("a") "\r\n" END), BYTES("a|-|-[\r\n]\n")},
    /* parts without data, with and without a CR LF of the delimiter's own; no part at all */
    {TYPE, BYTES(PART("a") "\r\n" PART("b") "--xyz--"), BYTES("a|-|-[]\nb|-|-[]\n")},
    {TYPE, BYTES("--xyz--"), BYTES("")},
    {TYPE, BYTES("\r\n--xyz--\r\n"), BYTES("")},
    /* the longest boundary; a nested multipart is data */
    {"multipart/form-data; boundary="
     "0123456789012345678901234567890123456789012345678901234567890123456789",
     BYTES("--0123456789012345678901234567890123456789012345678901234567890123456789--"),
     BYTES("")},
    {TYPE,
     BYTES("--xyz\r\nContent-Disposition: form-data; name=\"files\"\r\n"
           "Content-Type: multipart/mixed; boundary=inner\r\n\r\n--inner\r\n"
           "Content-Disposition: file; filename=\"f\"\r\n\r\nz\r\n--inner--" END),
     BYTES("files|-|multipart/mixed; boundary=inner[--inner\r\n"
           "Content-Disposition: file; filename=\"f\"\r\n\r\nz\r\n--inner--]\n")},
    /* file names: escaped quotes, a Windows path, both forms (the extended one is the better) */
    {TYPE,
     BYTES("--xyz\r\nContent-Disposition: form-data; name=\"a\\\"b\"; "
           "filename=\"C:\\dir\\f.wav\"\r\nContent-Transfer-Encoding: binary\r\n\r\n1\r\n"
           "--xyz\r\nContent-Disposition: form-data; name=c; filename*=UTF-8''na%C3%AFve.wav; "
           "filename=\"naive.wav\"\r\n\r\n2\r\n"
           "--xyz\r\nContent-Disposition: form-data; name=d; filename=\"e.wav\"; "
           "filename*=latin1''%E9.wav\r\n\r\n3" END),
     BYTES("a\"b|C:\\dir\\f.wav|-[1]\nc|na\xc3\xafve.wav|-[2]\nd|e.wav|-[3]\n")},
};

static void check_good(int i, size_t cut, size_t step)
{
    enum asr_status st = parse_cut(good[i].type, good[i].body, good[i].n_bytes, cut, step);
    ck_assert_msg(st == ASR_OK, "body %d cut at %zu: %s", i, cut, err.text);
    ck_assert_msg(log_of.text.n_bytes == good[i].n_log &&
                      memcmp(log_of.text.bytes, good[i].log, good[i].n_log) == 0,
                  "body %d cut at %zu: %s", i, cut, log_of.text.bytes);
}

START_TEST(good_bodies_give_their_parts)
    {
        check_good(_i, 0, SIZE_MAX / 2);
    }
END_TEST

START_TEST(a_body_in_two_pieces_gives_the_same_wherever_it_is_cut)
    {
        for (size_t cut = 1; cut < good[_i].n_bytes; cut++)
            check_good(_i, cut, SIZE_MAX / 2);
    }
END_TEST

START_TEST(a_body_byte_by_byte_gives_the_same)
    {
        for (size_t step = 1; step < 8; step++)
            check_good(_i, 0, step);
    }
END_TEST

START_TEST(a_body_cut_short_is_refused_wherever_it_ends)
    {
        const char *body = good[_i].body;
        size_t needed = good[_i].n_bytes; /* without the epilogue, which may be cut */

        while (parse_cut(good[_i].type, body, needed - 1, 0, SIZE_MAX / 2) == ASR_OK)
            needed--;
        ck_assert_uint_ge(needed, 4);
        ck_assert_int_eq(strncmp(body + needed - 2, "--", 2), 0);
        for (size_t n = 0; n < needed; n++) {
            ck_assert_int_eq(parse_cut(good[_i].type, body, n, 0, SIZE_MAX / 2), ASR_ERR_FORMAT);
            ck_assert_str_eq(err.text, "the body ends before its closing boundary");
        }
    }
END_TEST

static const struct {
    const char *type, *text;
} bad_types[] = {
    {"multipart/form-data", "Content-Type has no boundary"},
    {"multipart/form-data; charset=utf-8", "Content-Type has no boundary"},
    {"multipart/form-data; boundary=", "the boundary has 0 characters, not 1 to 70"},
    {"multipart/form-data; boundary=\"\"", "the boundary has 0 characters, not 1 to 70"},
    {"multipart/form-data; boundary="
     "01234567890123456789012345678901234567890123456789012345678901234567890",
     "the boundary has 71 characters, not 1 to 70"},
    {"multipart/form-data; boundary=\"a ", "Content-Type has a malformed parameter"},
    {"multipart/form-data; boundary", "Content-Type has a malformed parameter"},
    {"multipart/form-data; boundary=\"a \"", "the boundary ends in a blank"},
    {"multipart/form-data; boundary=a\xC3\xA9", "the boundary has a character that is not ASCII"},
    {"multipart/form-data; boundary=\"a\r\nb\"", "the boundary has a character that is not ASCII"},
    {"multipart/form-data; boundary=a; boundary=b", "Content-Type has two boundaries"},
    {"multipart/mixed; boundary=a",
     "Content-Type is not multipart/form-data but \"multipart/mixed\""},
    {"", "Content-Type is not multipart/form-data but \"\""},
};

START_TEST(a_content_type_without_a_sound_boundary_is_refused)
    {
        struct multipart *mp;
        ck_assert_int_eq(multipart_new(&mp, bad_types[_i].type, &limits, &events, &log_of, &err),
                         ASR_ERR_FORMAT);
        ck_assert_ptr_null(mp);
        ck_assert_str_eq(err.text, bad_types[_i].text);
    }
END_TEST

#define HEADERS(lines) "--xyz\r\n" lines "\r\n\r\n1" END

static const struct {
    const char *body, *text;
} bad[] = {
    {"", "the body ends before its closing boundary"},
    {"no boundary at all", "the body ends before its closing boundary"},
    {"--xyz\nContent-Disposition: form-data; name=a\r\n\r\n1" END,
     "a boundary is followed by other text"},
    {"--xyzq\r\n", "a boundary is followed by other text"},
    {"--xyz \rq", "a boundary's line does not end in CR LF"},
    {"--xyz-\r\n", "a boundary's line does not end in CR LF"},
    {HEADERS("Content-Disposition: form-data; name=a\nX: y"),
     "a part's header line does not end in CR LF"},
    {HEADERS("Content-Disposition: form-data; name=a\rX: y"),
     "a part's header line does not end in CR LF"},
    {"--xyz\r\n\n1" END, "a part's header line does not end in CR LF"},
    {HEADERS("Content-Disposition: form-data; name=a;\r\n filename=b"),
     "a part's header is folded over two lines"},
    {HEADERS("Content-Disposition form-data"),
     "a part's header has no colon: \"Content-Disposition form-data\""},
    {HEADERS(": form-data"), "a part's header has no colon: \": form-data\""},
    {"--xyz\r\n\r\n1" END, "a part has no Content-Disposition with a name"},
    {HEADERS("Content-Type: audio/wav"), "a part has no Content-Disposition with a name"},
    {HEADERS("Content-Disposition: form-data; filename=a"),
     "a part's Content-Disposition has no name"},
    {HEADERS("Content-Disposition: attachment; name=a"),
     "a part's Content-Disposition is not form-data but \"attachment\""},
    {HEADERS("Content-Disposition: form-data; name=a; name=b"),
     "a part's Content-Disposition has two name"},
    {HEADERS("Content-Disposition: form-data; name=a; filename=b; filename=c"),
     "a part's Content-Disposition has two filename"},
    {HEADERS("Content-Disposition: form-data; name=\"a"),
     "a part's Content-Disposition has a malformed parameter"},
    {HEADERS("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b"),
     "a part has two Content-Disposition headers"},
    {HEADERS("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64"),
     "a part has the Content-Transfer-Encoding \"base64\": send it as plain bytes"},
};

START_TEST(bad_bodies_are_refused_by_name_in_pieces_or_whole)
    {
        const size_t steps[] = {SIZE_MAX / 2, 1, 2, 3};
        for (size_t i = 0; i < COUNT(steps); i++) {
            ck_assert_int_eq(parse_cut(TYPE, bad[_i].body, strlen(bad[_i].body), 0, steps[i]),
                             ASR_ERR_FORMAT);
            ck_assert_str_eq(err.text, bad[_i].text);
        }
    }
END_TEST

START_TEST(a_nul_byte_in_a_header_is_refused)
    {
        static const char body[] =
            "--xyz\r\nContent-Disposition: form-data; name=a\0b\r\n\r\n1" END;
        ck_assert_int_eq(parse_cut(TYPE, body, sizeof(body) - 1, 0, SIZE_MAX / 2), ASR_ERR_FORMAT);
        ck_assert_str_eq(err.text, "a part's header has a NUL byte");
    }
END_TEST

START_TEST(headers_are_bounded_to_the_byte)
    {
        static const char start[] = "Content-Disposition: form-data; name=a\r\nX: ";
        char filler[512], body[1024];

        for (size_t over = 0; over < 2; over++) { /* two CR LF end the headers */
            size_t n = limits.max_header_bytes - strlen(start) - 4 + over;
            memset(filler, 'f', n);
            filler[n] = 0;
            snprintf(body, sizeof(body), "--xyz\r\n%s%s\r\n\r\n1%s", start, filler, END);
            ck_assert_int_eq(parse(TYPE, body), over ? ASR_ERR_LIMIT : ASR_OK);
        }
        ck_assert_str_eq(err.text, "a part's headers have more than 512 bytes");
    }
END_TEST

START_TEST(parts_are_counted)
    {
        for (size_t over = 0; over < 2; over++) {
            char body[2000] = "";
            for (size_t i = 0; i < limits.max_parts + over; i++)
                strcat(body, "\r\n" PART("a"));
            strcat(body, END);
            ck_assert_int_eq(parse(TYPE, body), over ? ASR_ERR_LIMIT : ASR_OK);
        }
        ck_assert_str_eq(err.text, "more than 8 parts");
    }
END_TEST

START_TEST(what_a_callback_answers_is_returned_and_ends_the_parse)
    {
        struct multipart *mp;
        const char *body = PART("a") "1" END;

        ck_assert_int_eq(multipart_new(&mp, TYPE, &limits, &events, &log_of, &err), ASR_OK);
        log_of.data_answer = ASR_ERR_LIMIT;
        ck_assert_int_eq(multipart_push(mp, body, strlen(body), &err), ASR_ERR_LIMIT);
        ck_assert_str_eq(err.text, "data refused");
        log_of.data_answer = ASR_OK;
        ck_assert_int_eq(multipart_push(mp, body, strlen(body), &err), ASR_ERR_FORMAT);
        ck_assert_str_eq(err.text, "the body has already been refused");
        ck_assert_int_eq(multipart_finish(mp, &err), ASR_ERR_FORMAT);
        ck_assert_str_eq(log_of.text.bytes, "a|-|-[");
        multipart_free(mp);

        log_of.begin_answer = ASR_ERR_INVALID;
        ck_assert_int_eq(parse(TYPE, body), ASR_ERR_INVALID);
        ck_assert_str_eq(err.text, "begin refused");
    }
END_TEST

/* The promise of multipart.h: in place, and so one event for a piece without a boundary, whatever
 * is in it. */
START_TEST(a_piece_of_data_is_one_event)
    {
        static char piece[1 << 16];
        struct multipart *mp;
        size_t n_pieces = 16;

        for (size_t i = 0; i < sizeof(piece); i++)
            piece[i] = "\r\n--xy\rabc"[i % 10];
        ck_assert_int_eq(multipart_new(&mp, TYPE, &limits, &events, &log_of, &err), ASR_OK);
        ck_assert_int_eq(multipart_push(mp, PART("a"), strlen(PART("a")), &err), ASR_OK);
        for (size_t i = 0; i < n_pieces; i++)
            ck_assert_int_eq(multipart_push(mp, piece, sizeof(piece), &err), ASR_OK);
        ck_assert_int_eq(multipart_push(mp, END, strlen(END), &err), ASR_OK);
        ck_assert_int_eq(multipart_finish(mp, &err), ASR_OK);
        multipart_free(mp);
        /* plus what a piece's end may hold back: given out as an event of its own */
        ck_assert_uint_le(log_of.n_data_events, 2 * n_pieces);
        ck_assert_uint_eq(log_of.text.n_bytes, strlen("a|-|-[]\n") + n_pieces * sizeof(piece));
    }
END_TEST

START_TEST(only_the_constructor_allocates)
    {
        struct multipart *mp;
        const char *body = PART("a") "1" END;

        ck_assert_int_eq(buffer_append(&log_of.text, body, strlen(body), &err), ASR_OK);
        log_of.text.n_bytes = 0; /* its memory is there: the log will not allocate */
        fail_alloc(0);
        enum asr_status st = multipart_new(&mp, TYPE, &limits, &events, &log_of, &err);
        fail_alloc(-1);
        ck_assert_int_eq(st, ASR_ERR_NOMEM);
        ck_assert_ptr_null(mp);

        ck_assert_int_eq(multipart_new(&mp, TYPE, &limits, &events, &log_of, &err), ASR_OK);
        fail_alloc(0);
        st = multipart_push(mp, body, strlen(body), &err);
        if (st == ASR_OK)
            st = multipart_finish(mp, &err);
        fail_alloc(-1);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_str_eq(log_of.text.bytes, "a|-|-[1]\n");
        multipart_free(mp);
        multipart_free(NULL);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("multipart");
    TCase *c = tcase_create("multipart");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_loop_test(c, good_bodies_give_their_parts, 0, COUNT(good));
    tcase_add_loop_test(c, a_body_in_two_pieces_gives_the_same_wherever_it_is_cut, 0, COUNT(good));
    tcase_add_loop_test(c, a_body_byte_by_byte_gives_the_same, 0, COUNT(good));
    tcase_add_loop_test(c, a_body_cut_short_is_refused_wherever_it_ends, 0, COUNT(good));
    tcase_add_loop_test(c, a_content_type_without_a_sound_boundary_is_refused, 0, COUNT(bad_types));
    tcase_add_loop_test(c, bad_bodies_are_refused_by_name_in_pieces_or_whole, 0, COUNT(bad));
    tcase_add_test(c, a_nul_byte_in_a_header_is_refused);
    tcase_add_test(c, headers_are_bounded_to_the_byte);
    tcase_add_test(c, parts_are_counted);
    tcase_add_test(c, what_a_callback_answers_is_returned_and_ends_the_parse);
    tcase_add_test(c, a_piece_of_data_is_one_event);
    tcase_add_test(c, only_the_constructor_allocates);
    suite_add_tcase(s, c);
    return s;
}
