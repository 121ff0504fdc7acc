/* alignments.h - POST /v1/alignments. */
#ifndef SERVER_ALIGNMENTS_H
#define SERVER_ALIGNMENTS_H

struct audio_endpoint;

extern const struct audio_endpoint alignments;

#endif
