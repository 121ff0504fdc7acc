#include "proto/language.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "audio/count.h"

/* The languages of OpenAI's Whisper, whose "jw" ISO 639-1 spells "jv". */
static const struct language {
    const char *code, *name;
} languages[] = {
    {"af", "afrikaans"},     {"am", "amharic"},        {"ar", "arabic"},     {"as", "assamese"},
    {"az", "azerbaijani"},   {"ba", "bashkir"},        {"be", "belarusian"}, {"bg", "bulgarian"},
    {"bn", "bengali"},       {"bo", "tibetan"},        {"br", "breton"},     {"bs", "bosnian"},
    {"ca", "catalan"},       {"cs", "czech"},          {"cy", "welsh"},      {"da", "danish"},
    {"de", "german"},        {"el", "greek"},          {"en", "english"},    {"es", "spanish"},
    {"et", "estonian"},      {"eu", "basque"},         {"fa", "persian"},    {"fi", "finnish"},
    {"fo", "faroese"},       {"fr", "french"},         {"gl", "galician"},   {"gu", "gujarati"},
    {"ha", "hausa"},         {"haw", "hawaiian"},      {"he", "hebrew"},     {"hi", "hindi"},
    {"hr", "croatian"},      {"ht", "haitian creole"}, {"hu", "hungarian"},  {"hy", "armenian"},
    {"id", "indonesian"},    {"is", "icelandic"},      {"it", "italian"},    {"ja", "japanese"},
    {"jv", "javanese"},      {"jw", "javanese"},       {"ka", "georgian"},   {"kk", "kazakh"},
    {"km", "khmer"},         {"kn", "kannada"},        {"ko", "korean"},     {"la", "latin"},
    {"lb", "luxembourgish"}, {"ln", "lingala"},        {"lo", "lao"},        {"lt", "lithuanian"},
    {"lv", "latvian"},       {"mg", "malagasy"},       {"mi", "maori"},      {"mk", "macedonian"},
    {"ml", "malayalam"},     {"mn", "mongolian"},      {"mr", "marathi"},    {"ms", "malay"},
    {"mt", "maltese"},       {"my", "myanmar"},        {"ne", "nepali"},     {"nl", "dutch"},
    {"nn", "nynorsk"},       {"no", "norwegian"},      {"oc", "occitan"},    {"pa", "punjabi"},
    {"pl", "polish"},        {"ps", "pashto"},         {"pt", "portuguese"}, {"ro", "romanian"},
    {"ru", "russian"},       {"sa", "sanskrit"},       {"sd", "sindhi"},     {"si", "sinhala"},
    {"sk", "slovak"},        {"sl", "slovenian"},      {"sn", "shona"},      {"so", "somali"},
    {"sq", "albanian"},      {"sr", "serbian"},        {"su", "sundanese"},  {"sv", "swedish"},
    {"sw", "swahili"},       {"ta", "tamil"},          {"te", "telugu"},     {"tg", "tajik"},
    {"th", "thai"},          {"tk", "turkmen"},        {"tl", "tagalog"},    {"tr", "turkish"},
    {"tt", "tatar"},         {"uk", "ukrainian"},      {"ur", "urdu"},       {"uz", "uzbek"},
    {"vi", "vietnamese"},    {"yi", "yiddish"},        {"yo", "yoruba"},     {"yue", "cantonese"},
    {"zh", "chinese"},
};

const char *language_name(const char *code)
{
    for (size_t i = 0; i < COUNT(languages); i++)
        if (strcmp(languages[i].code, code) == 0)
            return languages[i].name;
    return code;
}

bool language_matches(const char *asked, const char *code)
{
    size_t n = strlen(code);

    if (strcasecmp(asked, language_name(code)) == 0)
        return true;
    return strncasecmp(asked, code, n) == 0 &&
           (asked[n] == 0 || asked[n] == '-' || asked[n] == '_');
}
