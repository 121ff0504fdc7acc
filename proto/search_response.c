#include "proto/search_response.h"

#include "proto/json_writer.h"
#include "proto/response.h"

static void write_hit(struct json_writer *w, const struct phrase_hit *hit, const char *phrase)
{
    json_write_open(w, NULL, '{');
    json_write_text(w, "phrase", phrase);
    json_write_number(w, "start", hit->start_seconds, TIME_DECIMALS);
    json_write_number(w, "end", hit->end_seconds, TIME_DECIMALS);
    json_write_number(w, "score", hit->score, SCORE_DECIMALS);
    json_write_close(w, '}');
}

static void write_problem(struct json_writer *w, const struct phrase_problem *problem,
                          const char *phrase)
{
    json_write_open(w, NULL, '{');
    json_write_text(w, "phrase", phrase);
    json_write_text(w, "reason", problem->why.text);
    json_write_close(w, '}');
}

enum asr_status search_render(const struct phrase_hits *hits, const struct search_request *req,
                              double duration_seconds, struct buffer *out, struct asr_error *err)
{
    struct json_writer w;

    json_write_start(&w, out, err);
    json_write_open(&w, NULL, '{');
    json_write_number(&w, "duration", duration_seconds, TIME_DECIMALS);
    json_write_number(&w, "min_score", req->min_score, SCORE_DECIMALS);
    json_write_open(&w, "hits", '[');
    for (size_t i = 0; i < hits->n_hits; i++)
        write_hit(&w, &hits->hits[i], req->phrases.phrases[hits->hits[i].phrase].text);
    json_write_close(&w, ']');
    json_write_open(&w, "unusable", '[');
    for (size_t i = 0; i < hits->n_problems; i++)
        write_problem(&w, &hits->problems[i], req->phrases.phrases[hits->problems[i].phrase].text);
    json_write_close(&w, ']');
    response_write_usage(&w, duration_seconds);
    json_write_close(&w, '}');
    return json_write_finish(&w);
}
