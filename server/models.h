/* models.h - GET /v1/models and /v1/models/{id}. */
#ifndef SERVER_MODELS_H
#define SERVER_MODELS_H

struct exchange;

void models_list(struct exchange *x);
void models_one(struct exchange *x);

#endif
