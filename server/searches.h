/* searches.h - POST /v1/search. */
#ifndef SERVER_SEARCHES_H
#define SERVER_SEARCHES_H

struct audio_endpoint;

extern const struct audio_endpoint searches;

#endif
