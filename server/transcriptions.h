/* transcriptions.h - POST /v1/audio/transcriptions. */
#ifndef SERVER_TRANSCRIPTIONS_H
#define SERVER_TRANSCRIPTIONS_H

#include <stddef.h>

struct exchange;

void transcriptions_begin(struct exchange *x);
void transcriptions_body(struct exchange *x, const char *bytes, size_t n_bytes);
void transcriptions_end(struct exchange *x);

/* POST /v1/redecode; its body is transcriptions_body()'s too. */
void redecode_begin(struct exchange *x);
void redecode_end(struct exchange *x);

#endif
