/* transcriptions.h - POST /v1/audio/transcriptions, and POST /v1/redecode. */
#ifndef SERVER_TRANSCRIPTIONS_H
#define SERVER_TRANSCRIPTIONS_H

struct audio_endpoint;

extern const struct audio_endpoint transcriptions, redecodes;

#endif
