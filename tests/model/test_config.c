/* Every key of model/FORMAT.md, section config.json. A good config is changed in one place at a
 * time, so that each refusal is the change's. */
#include "model/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/alloc_fault.h"
#include "tests/support/npy.h"
#include "tests/support/suite.h"

static const char good[] =
    "{'format':'scribed-model','version':1,'name':'n','language':'en','licence':'l','source':'s',"
    "'features':{'type':'kaldi-fbank','sample_rate':16000,'sample_scale':32768.0,"
    "'frame_length_ms':25,'frame_shift_ms':10,'num_mel_bins':80,'low_freq':20.0,"
    "'high_freq':8000.0,'preemphasis':0.97,'window':'povey','remove_dc_offset':true,'dither':0.0,"
    "'fft_size':512,'snip_edges':true,'power':false,'log_floor':1.1920929e-07},"
    "'normalisation':{'mean':'utterance','std':'feature.std'},"
    "'layers':[{'type':'linear','weights':'output'}],"
    "'tokens':['-',' ','\xc3\xa4'],'blank':0,'word_separator':' ',"
    "'decoder':{'lm':'lm.ngram','alpha':0.5,'beta':-1,'unknown_penalty':9,'confidence':{'score_"
    "scale':0.5,'bias':-1,'share_weight':0.25,'posterior_weight':2},'beam':64}}";

/* Parses `good` with its one occurrence of `cut` replaced by `with`; ' stands for ". */
static enum asr_status parse_with(struct model_config **out, const char *cut, const char *with,
                                  struct asr_error *err)
{
    char text[4096];
    const char *at = strstr(good, cut);
    ck_assert_msg(at != NULL, "'%s' is not in the config", cut);
    int n =
        snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, with, at + strlen(cut));
    ck_assert_int_lt(n, (int)sizeof(text));
    for (int i = 0; i < n; i++)
        text[i] = text[i] == '\'' ? '"' : text[i];
    *err = (struct asr_error){ASR_OK, ""};
    return model_config_parse(out, text, (size_t)n, "config.json", err);
}

START_TEST(every_key_arrives)
    {
        struct model_config *c;
        struct asr_error err;
        ck_assert_msg(parse_with(&c, "", "", &err) == ASR_OK, "%s", err.text);
        ck_assert_str_eq(c->name, "n");
        ck_assert_str_eq(c->language, "en");
        ck_assert_str_eq(c->licence, "l");
        ck_assert_str_eq(c->source, "s");
        ck_assert_uint_eq(c->features.sample_rate_hz, 16000);
        ck_assert_double_eq(c->features.sample_scale, 32768);
        ck_assert_double_eq(c->features.frame_length_ms, 25);
        ck_assert_double_eq(c->features.frame_shift_ms, 10);
        ck_assert_uint_eq(c->features.num_mel_bins, 80);
        ck_assert_double_eq(c->features.low_freq_hz, 20);
        ck_assert_double_eq(c->features.high_freq_hz, 8000);
        ck_assert_double_eq(c->features.preemphasis, 0.97);
        ck_assert_int_eq(c->features.window, WINDOW_POVEY);
        ck_assert(c->features.remove_dc_offset);
        ck_assert(!c->features.power);
        ck_assert_uint_eq(c->features.fft_size, 512);
        ck_assert_double_eq(c->features.log_floor, 1.1920929e-07);
        ck_assert(c->subtract_utterance_mean);
        ck_assert_ptr_null(c->mean_tensor);
        ck_assert_str_eq(c->std_tensor, "feature.std");
        ck_assert_uint_eq(json_array_size(c->layers), 1);
        ck_assert_uint_eq(c->n_tokens, 3);
        ck_assert_str_eq(c->tokens[2], "\xc3\xa4");
        ck_assert_uint_eq(c->blank, 0);
        ck_assert_uint_eq(c->word_separator, 1);
        ck_assert_uint_eq(c->beam_width, 64);
        ck_assert_str_eq(c->lm, "lm.ngram");
        ck_assert_double_eq(c->alpha, 0.5);
        ck_assert_double_eq(c->beta, -1);
        ck_assert_double_eq(c->unknown_penalty, 9);
        ck_assert(c->has_confidence);
        ck_assert_double_eq(c->confidence.score_scale, 0.5);
        ck_assert_double_eq(c->confidence.bias, -1);
        ck_assert_double_eq(c->confidence.share_weight, 0.25);
        ck_assert_double_eq(c->confidence.posterior_weight, 2);
        model_config_free(c);
    }
END_TEST

START_TEST(normalisation_may_be_none_or_name_tensors)
    {
        struct model_config *c;
        struct asr_error err;
        ck_assert_msg(parse_with(&c, "'utterance','std':'feature.std'", "'none','std':'none'",
                                 &err) == ASR_OK,
                      "%s", err.text);
        ck_assert(!c->subtract_utterance_mean);
        ck_assert_ptr_null(c->mean_tensor);
        ck_assert_ptr_null(c->std_tensor);
        model_config_free(c);
        ck_assert_int_eq(parse_with(&c, "'utterance'", "'feature.mean'", &err), ASR_OK);
        ck_assert(!c->subtract_utterance_mean);
        ck_assert_str_eq(c->mean_tensor, "feature.mean");
        model_config_free(c);
    }
END_TEST

START_TEST(the_decoder_section_and_its_keys_are_optional)
    {
        struct model_config *c;
        struct asr_error err;
        const char decoder[] =
            ",'decoder':{'lm':'lm.ngram','alpha':0.5,'beta':-1,'unknown_penalty':9,'confidence':{'"
            "score_scale':0.5,'bias':-1,'share_weight':0.25,'posterior_weight':2},'beam':64}";
        ck_assert_msg(parse_with(&c, decoder, "", &err) == ASR_OK, "%s", err.text);
        ck_assert_uint_eq(c->beam_width, 0);
        model_config_free(c);
        ck_assert_msg(parse_with(&c, decoder, ",'decoder':{}", &err) == ASR_OK, "%s", err.text);
        ck_assert_uint_eq(c->beam_width, 0);
        model_config_free(c);
    }
END_TEST

START_TEST(every_window_has_a_name)
    {
        static const struct {
            const char *name;
            enum fbank_window window;
        } windows[] = {{"'povey'", WINDOW_POVEY},
                       {"'hamming'", WINDOW_HAMMING},
                       {"'hanning'", WINDOW_HANNING},
                       {"'rectangular'", WINDOW_RECTANGULAR}};
        struct model_config *c;
        struct asr_error err;
        ck_assert_int_eq(parse_with(&c, "'povey'", windows[_i].name, &err), ASR_OK);
        ck_assert_int_eq(c->features.window, windows[_i].window);
        model_config_free(c);
    }
END_TEST

/* Each required key by its full path, with the text that defines it. */
static const struct {
    const char *path, *text;
} required[] = {
    {"format", "'format':'scribed-model',"},
    {"version", "'version':1,"},
    {"name", "'name':'n',"},
    {"language", "'language':'en',"},
    {"licence", "'licence':'l',"},
    {"source", "'source':'s',"},
    {"features.type", "'type':'kaldi-fbank',"},
    {"features.sample_rate", "'sample_rate':16000,"},
    {"features.sample_scale", "'sample_scale':32768.0,"},
    {"features.frame_length_ms", "'frame_length_ms':25,"},
    {"features.frame_shift_ms", "'frame_shift_ms':10,"},
    {"features.num_mel_bins", "'num_mel_bins':80,"},
    {"features.low_freq", "'low_freq':20.0,"},
    {"features.high_freq", "'high_freq':8000.0,"},
    {"features.preemphasis", "'preemphasis':0.97,"},
    {"features.window", "'window':'povey',"},
    {"features.remove_dc_offset", "'remove_dc_offset':true,"},
    {"features.dither", "'dither':0.0,"},
    {"features.fft_size", "'fft_size':512,"},
    {"features.snip_edges", "'snip_edges':true,"},
    {"features.power", "'power':false,"},
    {"features.log_floor", ",'log_floor':1.1920929e-07"},
    {"normalisation.mean", "'mean':'utterance',"},
    {"normalisation.std", ",'std':'feature.std'"},
    {"normalisation", "'normalisation':{'mean':'utterance','std':'feature.std'},"},
    {"layers", "'layers':[{'type':'linear','weights':'output'}],"},
    {"tokens", "'tokens':['-',' ','\xc3\xa4'],"},
    {"blank", "'blank':0,"},
    {"word_separator", "'word_separator':' ',"},
};

START_TEST(a_missing_key_is_named)
    {
        struct model_config *c;
        struct asr_error err;
        char want[128];
        snprintf(want, sizeof(want), "config.json: %s: missing", required[_i].path);
        ck_assert_int_eq(parse_with(&c, required[_i].text, "", &err), ASR_ERR_FORMAT);
        ck_assert_ptr_null(c);
        ck_assert_str_eq(err.text, want);
    }
END_TEST

/* A value of no type that any key takes: null. */
START_TEST(a_key_of_the_wrong_type_is_named)
    {
        struct model_config *c;
        struct asr_error err;
        char with[128], want[128];
        const char *text = required[_i].text;
        size_t comma = text[0] == ',';
        const char *value = strchr(text + comma, ':') + 1;
        snprintf(with, sizeof(with), "%.*snull%s", (int)(value - text), text, comma ? "" : ",");
        snprintf(want, sizeof(want), "config.json: %s: expected ", required[_i].path);
        ck_assert_int_eq(parse_with(&c, text, with, &err), ASR_ERR_FORMAT);
        ck_assert_ptr_null(c);
        ck_assert_msg(strstr(err.text, want) == err.text, "%s", err.text);
        ck_assert_msg(strstr(err.text, "got null") != NULL, "%s", err.text);
    }
END_TEST

static const struct {
    const char *cut, *with;
    enum asr_status status;
    const char *says;
} bad[] = {
    {"'scribed-model'", "'onnx'", ASR_ERR_UNSUPPORTED, "format: 'onnx' is not supported"},
    {"'version':1", "'version':2", ASR_ERR_UNSUPPORTED, "version: 2 is not supported, only 1 is"},
    {"'version':1", "'version':0", ASR_ERR_UNSUPPORTED, "version: 0 is not supported"},
    {"'version':1", "'version':1.0", ASR_ERR_FORMAT, "version: expected an integer"},
    {"'version':1", "'version':-1", ASR_ERR_FORMAT, "version: expected an integer"},
    {"'name':'n'", "'name':''", ASR_ERR_FORMAT, "name: is empty"},
    {"'language':'en'", "'language':'eng'", ASR_ERR_FORMAT, "language: 'eng' is not"},
    {"'language':'en'", "'language':'en-US'", ASR_ERR_FORMAT, "language: 'en-US' is not"},
    {"'language':'en'", "'language':'EN'", ASR_ERR_FORMAT, "language: 'EN' is not"},
    {"'language':'en'", "'language':'e'", ASR_ERR_FORMAT, "language: 'e' is not"},
    {"'name':'n'", "'name':'n','colour':1", ASR_ERR_FORMAT, "json: colour: unknown key"},
    {"'name':'n'", "'name':'n','name':'n'", ASR_ERR_FORMAT, "duplicate object key"},
    {"'kaldi-fbank'", "'mfcc'", ASR_ERR_UNSUPPORTED, "features.type: 'mfcc' is not supported"},
    {"'power':false", "'power':false,'energy':1", ASR_ERR_FORMAT, "features.energy: unknown key"},
    {"'power':false", "'power':0", ASR_ERR_FORMAT, "features.power: expected true or false"},
    {"'snip_edges':true", "'snip_edges':false", ASR_ERR_UNSUPPORTED, "features.snip_edges: only"},
    {"'dither':0.0", "'dither':1", ASR_ERR_FORMAT, "features.dither: expected a number from 0 to"},
    {"16000", "0", ASR_ERR_FORMAT, "features.sample_rate: expected an integer from 1000 to"},
    {"16000", "'16000'", ASR_ERR_FORMAT, "features.sample_rate: expected an integer from 1000"},
    {"16000", "10000000", ASR_ERR_FORMAT, "features.sample_rate: expected an integer from 1000"},
    {"16000", "99999999999999999999", ASR_ERR_FORMAT, "too big integer"},
    {"32768.0", "0", ASR_ERR_FORMAT, "features.sample_scale: expected a number"},
    {"32768.0", "1e999", ASR_ERR_FORMAT, "real number overflow"},
    {"_length_ms':25", "_length_ms':-25", ASR_ERR_FORMAT, "features.frame_length_ms: expected"},
    {"_shift_ms':10", "_shift_ms':0", ASR_ERR_FORMAT, "features.frame_shift_ms: expected a"},
    {"'num_mel_bins':80", "'num_mel_bins':0", ASR_ERR_FORMAT,
     "features.num_mel_bins: expected an integer from 1 to 4096, got 0"},
    {"'num_mel_bins':80", "'num_mel_bins':80.5", ASR_ERR_FORMAT,
     "features.num_mel_bins: expected an integer from 1 to 4096, got a fraction"},
    {"512", "1099511627776", ASR_ERR_FORMAT, "features.fft_size: expected an integer from 2"},
    {"'povey'", "'blackman'", ASR_ERR_UNSUPPORTED, "features.window: 'blackman' is not"},
    {"1.1920929e-07", "0", ASR_ERR_FORMAT, "features.log_floor: expected a number"},
    {"'std':'feature.std'", "'std':'feature.std','var':'x'", ASR_ERR_FORMAT,
     "normalisation.var: unknown key"},
    {"[{'type':'linear','weights':'output'}]", "[]", ASR_ERR_FORMAT, "layers: expected 1 to 256"},
    {"[{'type':'linear','weights':'output'}]", "[7]", ASR_ERR_FORMAT,
     "layers[0]: expected an object"},
    {"['-',' ','\xc3\xa4']", "[' ']", ASR_ERR_FORMAT, "tokens: expected 2 to 65536 of them, got 1"},
    {"'\xc3\xa4'", "''", ASR_ERR_FORMAT, "tokens[2]: expected a non-empty string"},
    {"'\xc3\xa4'", "3", ASR_ERR_FORMAT, "tokens[2]: expected a non-empty string"},
    {"'\xc3\xa4'", "' '", ASR_ERR_FORMAT, "tokens: ' ' occurs twice"},
    {"'\xc3\xa4'", "'\xc3'", ASR_ERR_FORMAT, "line 1: "},
    {"'\xc3\xa4'", "'a\\u0000b'", ASR_ERR_FORMAT, "line 1: "},
    {"'blank':0", "'blank':3", ASR_ERR_FORMAT, "blank: expected an integer from 0 to 2, got 3"},
    {"'blank':0", "'blank':-1", ASR_ERR_FORMAT, "blank: expected an integer from 0 to 2, got -1"},
    {"'word_separator':' '", "'word_separator':'|'", ASR_ERR_FORMAT, "word_separator: '|' is not"},
    {"'word_separator':' '", "'word_separator':'-'", ASR_ERR_FORMAT, "word_separator: '-' is not"},
    {"'beam':64", "'beam':0", ASR_ERR_FORMAT, "decoder.beam: expected an integer from 1 to 4096"},
    {"'beam':64", "'beams':64", ASR_ERR_FORMAT, "decoder.beams: unknown key"},
    {"'alpha':0.5", "'alpha':'x'", ASR_ERR_FORMAT, "decoder.alpha: expected a number"},
    {"'lm.ngram'", "'../lm.ngram'", ASR_ERR_FORMAT, "decoder.lm: '../lm.ngram' is not a file name"},
    {"'lm.ngram'", "''", ASR_ERR_FORMAT, "decoder.lm: '' is not a file name"},
    {"'alpha':0.5,", "", ASR_ERR_FORMAT, "decoder.alpha: missing"},
    {"'bias':-1,", "", ASR_ERR_FORMAT, "decoder.confidence.bias: missing"},
    {"'share_weight':0.25", "'share_weight':-1", ASR_ERR_FORMAT,
     "decoder.confidence.share_weight: expected a number"},
    {"'unknown_penalty':9", "'unknown_penalty':-1", ASR_ERR_FORMAT,
     "decoder.unknown_penalty: expected a number"},
    {"'lm':'lm.ngram',", "", ASR_ERR_FORMAT, "decoder.alpha: "},
    {"'beta':-1", "'beta':1e9", ASR_ERR_FORMAT, "decoder.beta: expected a number"},
    {"'lm':'lm.ngram'", "'lm':1", ASR_ERR_FORMAT, "decoder.lm: expected a string"},
    {"'decoder':{'lm':'lm.ngram','alpha':0.5,'beta':-1,'unknown_penalty':9,'confidence':{'score_"
     "scale':0.5,'bias':-1,'share_weight':0.25,'posterior_weight':2},'beam':64}",
     "'decoder':1", ASR_ERR_FORMAT, "decoder: expected an object, got an integer"},
};

START_TEST(a_value_that_cannot_be_is_refused_with_its_path)
    {
        struct model_config *c;
        struct asr_error err;
        ck_assert_int_eq(parse_with(&c, bad[_i].cut, bad[_i].with, &err), bad[_i].status);
        ck_assert_ptr_null(c);
        ck_assert_msg(strncmp(err.text, "config.json: ", 13) == 0, "%s", err.text);
        ck_assert_msg(strstr(err.text, bad[_i].says) != NULL, "%s", err.text);
    }
END_TEST

START_TEST(what_is_no_json_object_is_refused)
    {
        static const char *const texts[] = {"", "[]", "1", "\"x\"", "{", "{}x", "nul"};
        struct model_config *c;
        struct asr_error err;
        ck_assert_int_eq(model_config_parse(&c, texts[_i], strlen(texts[_i]), "c", &err),
                         ASR_ERR_FORMAT);
        ck_assert_ptr_null(c);
    }
END_TEST

START_TEST(a_config_cut_short_is_refused_wherever_it_ends)
    {
        char text[sizeof(good)];
        for (size_t i = 0; i < sizeof(good); i++)
            text[i] = good[i] == '\'' ? '"' : good[i];
        for (size_t n = 0; n < sizeof(good) - 1; n++) {
            struct model_config *c;
            ck_assert_int_eq(model_config_parse(&c, text, n, "c", NULL), ASR_ERR_FORMAT);
        }
    }
END_TEST

START_TEST(too_many_layers_or_tokens_are_refused)
    {
        enum { MANY = 70000 };
        struct model_config *c;
        struct asr_error err;
        size_t n = 0, n_bytes;
        char *config = file_read("model/en/config.json", &n_bytes);
        json_t *document = json_loadb(config, n_bytes, 0, NULL), *tokens = json_array();
        for (; n < MANY; n++)
            json_array_append_new(tokens, json_sprintf("t%zu", n));
        json_object_set_new(document, "tokens", tokens);
        char *text = json_dumps(document, 0);
        ck_assert_int_eq(model_config_parse(&c, text, strlen(text), "c", &err), ASR_ERR_FORMAT);
        ck_assert_str_eq(err.text, "c: tokens: expected 2 to 65536 of them, got 70000");
        json_t *layers = json_object_get(document, "layers");
        while (json_array_size(layers) <= CONFIG_MAX_LAYERS)
            json_array_append(layers, json_array_get(layers, 0));
        free(text);
        text = json_dumps(document, 0);
        ck_assert_int_eq(model_config_parse(&c, text, strlen(text), "c", &err), ASR_ERR_FORMAT);
        ck_assert_str_eq(err.text, "c: layers: expected 1 to 256 of them, got 257");
        free(text);
        free(config);
        json_decref(document);
    }
END_TEST

START_TEST(the_shipped_config_is_read)
    {
        struct model_config *c;
        struct asr_error err;
        ck_assert_msg(model_config_load(&c, "model/en/config.json", &err) == ASR_OK, "%s",
                      err.text);
        ck_assert_str_eq(c->name, "en-v1");
        ck_assert_uint_eq(c->n_tokens, 29);
        ck_assert_uint_eq(json_array_size(c->layers), 6);
        model_config_free(c);
    }
END_TEST

START_TEST(a_path_that_cannot_be_read_is_an_io_error_with_the_path)
    {
        static const char *const paths[] = {"model/en/no-such.json", "model/en"};
        struct model_config *c;
        struct asr_error err;
        ck_assert_int_eq(model_config_load(&c, paths[_i], &err), ASR_ERR_IO);
        ck_assert_ptr_null(c);
        ck_assert_msg(strstr(err.text, paths[_i]) == err.text, "%s", err.text);
    }
END_TEST

START_TEST(a_file_larger_than_any_config_is_refused_unread)
    {
        struct model_config *c;
        struct asr_error err;
        ck_assert_int_eq(model_config_load(&c, "model/en/model.safetensors", &err), ASR_ERR_LIMIT);
        ck_assert_str_eq(err.text, "model/en/model.safetensors: larger than 4194304 bytes");
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        struct model_config *c;
        enum asr_status st;
        long nth = 0;
        do {
            fail_alloc(nth++);
            st = model_config_load(&c, "model/en/config.json", NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (c != NULL));
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_eq(nth,
                         5); /* the text, itself, the tokens, their sorted list; then success */
        model_config_free(c);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("config");
    TCase *tc = tcase_create("config");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, every_key_arrives);
    tcase_add_test(tc, normalisation_may_be_none_or_name_tensors);
    tcase_add_test(tc, the_decoder_section_and_its_keys_are_optional);
    tcase_add_loop_test(tc, every_window_has_a_name, 0, 4);
    tcase_add_loop_test(tc, a_missing_key_is_named, 0, COUNT(required));
    tcase_add_loop_test(tc, a_key_of_the_wrong_type_is_named, 0, COUNT(required));
    tcase_add_loop_test(tc, a_value_that_cannot_be_is_refused_with_its_path, 0, COUNT(bad));
    tcase_add_loop_test(tc, what_is_no_json_object_is_refused, 0, 7);
    tcase_add_test(tc, a_config_cut_short_is_refused_wherever_it_ends);
    tcase_add_test(tc, too_many_layers_or_tokens_are_refused);
    tcase_add_test(tc, the_shipped_config_is_read);
    tcase_add_loop_test(tc, a_path_that_cannot_be_read_is_an_io_error_with_the_path, 0, 2);
    tcase_add_test(tc, a_file_larger_than_any_config_is_refused_unread);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
