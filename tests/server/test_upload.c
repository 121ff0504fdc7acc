#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/transcription_request.h"
#include "server/upload.h"
#include "tests/support/suite.h"

#define TYPE "multipart/form-data; boundary=b"
#define PART(name) "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define END "\r\n--b--\r\n"

static const char good[] = PART("model") "en-v1\r\n" PART("response_format") "srt\r\n" PART(
    "file") "RIFF\r\n--a of audio" END;

static const struct transcription_request *given_to(const struct upload *u)
{
    return (const struct transcription_request *)(const void *)upload_request(u);
}

START_TEST(fields_and_file_are_found_however_the_body_is_cut)
    {
        size_t piece = (size_t)_i;
        struct upload *u;
        struct api_error e;

        ck_assert_int_eq(upload_new(&u, &transcription_requests, TYPE, 1000, &e), API_OK);
        ck_assert(!upload_is_raw(u));
        for (size_t at = 0; at < sizeof(good) - 1; at += piece) {
            size_t left = sizeof(good) - 1 - at;
            ck_assert_int_eq(upload_push(u, good + at, left < piece ? left : piece, &e), API_OK);
        }
        ck_assert_int_eq(upload_finish(u, &e), API_OK);
        ck_assert_str_eq(upload_request(u)->model, "en-v1");
        ck_assert_int_eq(given_to(u)->format, RESPONSE_SRT);
        ck_assert(upload_has_file(u));
        ck_assert_str_eq(upload_audio(u)->bytes, "RIFF\r\n--a of audio");
        upload_free(u);
    }
END_TEST

static const struct {
    const char *type, *body;
    enum api_error_code code;
    const char *param, *says;
} bad[] = {
    {"application/json", "", API_UNSUPPORTED_MEDIA_TYPE, NULL, "'application/json'"},
    {"application/x-www-form-urlencoded", "", API_UNSUPPORTED_MEDIA_TYPE, NULL, "audio/*"},
    {"audio", "", API_UNSUPPORTED_MEDIA_TYPE, NULL, "'audio'"},
    {"multipart/form-data", "", API_INVALID_REQUEST, NULL, "boundary"},
    {"multipart/form-datax; boundary=b", "", API_UNSUPPORTED_MEDIA_TYPE, NULL, "form-datax"},
    {TYPE, PART("file") "a\r\n" PART("file") "b" END, API_INVALID_REQUEST, "file", "twice"},
    {TYPE, PART("response_format") "xml" END, API_INVALID_VALUE, "response_format", "xml"},
    {TYPE, PART("model") "a\r\n" PART("model") "b" END, API_INVALID_REQUEST, "model", "twice"},
    {TYPE, PART("file") "0123456789012345678901234567890123456789" END, API_BODY_TOO_LARGE, NULL,
     "32 bytes"},
    {TYPE, PART("file") "abc", API_INVALID_REQUEST, NULL, ""},
    {TYPE, "--b\r\nno colon\r\n\r\nx" END, API_INVALID_REQUEST, NULL, ""},
};

START_TEST(a_bad_upload_is_refused)
    {
        struct upload *u;
        struct api_error e;
        enum api_error_code code = upload_new(&u, &transcription_requests, bad[_i].type, 32, &e);

        ck_assert((code == API_OK) == (u != NULL));
        if (code == API_OK)
            code = upload_push(u, bad[_i].body, strlen(bad[_i].body), &e);
        if (code == API_OK)
            code = upload_finish(u, &e);
        ck_assert_int_eq(code, bad[_i].code);
        ck_assert_msg(strstr(e.message, bad[_i].says) != NULL, "%s", e.message);
        if (bad[_i].param)
            ck_assert_str_eq(e.param, bad[_i].param);
        else
            ck_assert_ptr_null(e.param);
        upload_free(u);
    }
END_TEST

static void push_long_field(const char *name, size_t n, enum api_error_code expected)
{
    char *value = malloc(n), head[128];
    struct upload *u;
    struct api_error e;

    memset(value, 'a', n);
    snprintf(head, sizeof(head), "--b\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n",
             name);
    ck_assert_int_eq(upload_new(&u, &transcription_requests, TYPE, 100, &e), API_OK);
    ck_assert_int_eq(upload_push(u, head, strlen(head), &e), API_OK);
    ck_assert_int_eq(upload_push(u, value, n, &e), API_OK);
    ck_assert_int_eq(upload_push(u, END, strlen(END), &e), expected);
    if (expected != API_OK)
        ck_assert_str_eq(e.param, name);
    upload_free(u);
    free(value);
}

START_TEST(a_long_value_is_refused_where_it_means_something_and_ignored_where_not)
    {
        push_long_field("prompt", REQUEST_MAX_FIELD_BYTES, API_OK);
        push_long_field("prompt", REQUEST_MAX_FIELD_BYTES + 100, API_INVALID_VALUE);
        push_long_field("phrases", REQUEST_MAX_PHRASES_BYTES + 1, API_INVALID_VALUE);
        push_long_field("unknown", REQUEST_MAX_FIELD_BYTES + 100, API_OK);
    }
END_TEST

START_TEST(a_list_of_phrases_may_be_longer_than_other_fields)
    {
        /* With a short field behind it, whose value is what it is and not the rest of the list. */
        static const char tail[] = "]\r\n" PART("keyterm") "Bo\r\n" PART("language") END;
        struct upload *u;
        struct api_error e;
        int n = 0;

        ck_assert_int_eq(upload_new(&u, &transcription_requests, TYPE, 100, &e), API_OK);
        ck_assert_int_eq(upload_push(u, PART("phrases"), strlen(PART("phrases")), &e), API_OK);
        ck_assert_int_eq(upload_push(u, "[\"Ann Lee\"", 10, &e), API_OK);
        for (; n * 27 < 2 * REQUEST_MAX_FIELD_BYTES && n < PHRASES_MAX - 2; n++)
            ck_assert_int_eq(
                upload_push(u, ",\"abcdefghijklmnopqrstuvwxyz abcdefghijklmno\"", 45, &e), API_OK);
        ck_assert_int_eq(upload_push(u, tail, sizeof(tail) - 1, &e), API_OK);
        ck_assert_int_eq(upload_finish(u, &e), API_OK);
        const struct phrase_list *list = &given_to(u)->phrases;
        ck_assert_uint_eq(list->n_phrases, (size_t)n + 2);
        ck_assert_str_eq(list->phrases[0].text, "Ann Lee");
        ck_assert_str_eq(list->phrases[n + 1].text, "Bo");
        ck_assert_str_eq(upload_request(u)->language, "");
        upload_free(u);
    }
END_TEST

START_TEST(every_phrase_may_have_a_part_of_its_own)
    {
        static const char part[] = PART("keywords[]") "Ann\r\n";
        struct upload *u;
        struct api_error e;

        /* A part ends where the next begins. */
        ck_assert_int_eq(upload_new(&u, &transcription_requests, TYPE, 100, &e), API_OK);
        for (int i = 0; i < PHRASES_MAX + 1; i++)
            ck_assert_int_eq(upload_push(u, part, sizeof(part) - 1, &e), API_OK);
        ck_assert_uint_eq(given_to(u)->phrases.n_phrases, PHRASES_MAX);
        enum api_error_code code = upload_push(u, part, sizeof(part) - 1, &e);
        ck_assert_int_eq(code, API_INVALID_VALUE);
        ck_assert_str_eq(e.param, "keywords[]");
        upload_free(u);
    }
END_TEST

static const char *const raw_types[] = {NULL, "audio/wav", "AUDIO/x; rate=8000",
                                        "application/octet-stream"};

START_TEST(a_raw_body_is_the_file_and_its_fields_come_from_elsewhere)
    {
        struct upload *u;
        struct api_error e;

        ck_assert_int_eq(upload_new(&u, &transcription_requests, raw_types[_i], 4, &e), API_OK);
        ck_assert(upload_is_raw(u));
        ck_assert_int_eq(upload_field(u, "model", "m", 1, &e), API_OK);
        ck_assert_int_eq(upload_field(u, "temperature", "hot", 3, &e), API_INVALID_VALUE);
        ck_assert(!upload_has_file(u));
        ck_assert_int_eq(upload_push(u, "RI", 2, &e), API_OK);
        ck_assert_int_eq(upload_push(u, "FF", 2, &e), API_OK);
        ck_assert(upload_has_file(u));
        ck_assert_str_eq(upload_audio(u)->bytes, "RIFF");
        ck_assert_str_eq(upload_request(u)->model, "m");
        ck_assert_int_eq(upload_push(u, "!", 1, &e), API_BODY_TOO_LARGE);
        upload_free(u);
    }
END_TEST

START_TEST(decoding_again_takes_a_json_object)
    {
        static const char json[] = "{\"id\":\"a\",\"keywords\":[\"Ann\",\"Bo\"],\"alternatives\":3,"
                                   "\"phrases\":[\"Cy\",{\"phrase\":\"Di\",\"weight\":7}],"
                                   "\"alpha\":0.25,\"beta\":null,\"unknown\":{\"x\":[]}}";
        struct upload *u;
        struct api_error e;

        ck_assert_int_eq(
            upload_new(&u, &redecode_requests, "application/json; charset=utf-8", 1, &e), API_OK);
        for (size_t i = 0; i < sizeof(json) - 1; i++)
            ck_assert_int_eq(upload_push(u, json + i, 1, &e), API_OK);
        ck_assert_msg(upload_finish(u, &e) == API_OK, "%s", e.message);
        const struct transcription_request *req = given_to(u);
        ck_assert(!upload_has_file(u));
        ck_assert_str_eq(req->id, "a");
        ck_assert_uint_eq(req->phrases.n_phrases, 4);
        ck_assert_str_eq(req->phrases.phrases[1].text, "Bo");
        ck_assert_double_eq(req->phrases.phrases[3].weight, 7);
        ck_assert_uint_eq(req->n_alternatives, 3);
        ck_assert_double_eq(req->alpha, 0.25);
        ck_assert(req->beta != req->beta); /* NAN: the model's own */
        upload_free(u);
    }
END_TEST

static const struct {
    const char *type, *body;
    enum api_error_code code;
    const char *says;
} bad_redecode[] = {
    {"audio/wav", "", API_UNSUPPORTED_MEDIA_TYPE, "application/json"},
    {"application/json", "{", API_INVALID_REQUEST, "not a JSON object"},
    {"application/json", "[]", API_INVALID_REQUEST, "not a JSON object: it is an array"},
    {"application/json", "x", API_INVALID_REQUEST, "not a JSON object"},
    {"application/json", "{\"id\":\"a\",\"id\":\"b\"}", API_INVALID_REQUEST, "duplicate"},
    {"application/json", "{\"alternatives\":0}", API_INVALID_VALUE, "from 1 to 20, not '0'"},
    {"application/json", "{\"alternatives\":2.5}", API_INVALID_VALUE, "not '2.5'"},
    {"application/json", "{\"alternatives\":[2]}", API_INVALID_VALUE, "not '[2]'"},
    {"application/json", "{\"keyterm\":[\"a\",{}],\"alpha\":true}", API_INVALID_VALUE, "alpha"},
    {TYPE, PART("id") "a\r\n" PART("alpha") "much" END, API_INVALID_VALUE, "alpha"},
};

START_TEST(a_bad_request_to_decode_again_is_refused)
    {
        struct upload *u;
        struct api_error e;
        const char *text = bad_redecode[_i].body;
        enum api_error_code code =
            upload_new(&u, &redecode_requests, bad_redecode[_i].type, 100, &e);

        if (code == API_OK)
            code = upload_push(u, text, strlen(text), &e);
        if (code == API_OK)
            code = upload_finish(u, &e);
        ck_assert_int_eq(code, bad_redecode[_i].code);
        ck_assert_msg(strstr(e.message, bad_redecode[_i].says) != NULL, "%s", e.message);
        upload_free(u);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("upload");
    TCase *tc = tcase_create("forms");

    tcase_add_loop_test(tc, fields_and_file_are_found_however_the_body_is_cut, 1, 60);
    tcase_add_loop_test(tc, a_bad_upload_is_refused, 0, COUNT(bad));
    tcase_add_test(tc, a_long_value_is_refused_where_it_means_something_and_ignored_where_not);
    tcase_add_test(tc, a_list_of_phrases_may_be_longer_than_other_fields);
    tcase_add_test(tc, every_phrase_may_have_a_part_of_its_own);
    tcase_add_loop_test(tc, a_raw_body_is_the_file_and_its_fields_come_from_elsewhere, 0,
                        COUNT(raw_types));
    tcase_add_test(tc, decoding_again_takes_a_json_object);
    tcase_add_loop_test(tc, a_bad_request_to_decode_again_is_refused, 0, COUNT(bad_redecode));
    suite_add_tcase(s, tc);
    return s;
}
