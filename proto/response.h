/* response.h - what our JSON answers about a recording have in common. */
#ifndef PROTO_RESPONSE_H
#define PROTO_RESPONSE_H

#include "proto/json_writer.h"

enum { TIME_DECIMALS = 3, SCORE_DECIMALS = 6 };

/* "usage":{"type":"duration","seconds":N}. OpenAI bills begun seconds: a whole number. */
void response_write_usage(struct json_writer *w, double duration_seconds);

#endif
