/* posteriors.h - what the acoustic network says of a recording: all that decoding it again needs.
 */
#ifndef SERVER_POSTERIORS_H
#define SERVER_POSTERIORS_H

#include <stddef.h>

struct posteriors {
    float *log_posteriors; /* [frames, tokens], natural log */
    size_t frames, tokens;
    double duration_seconds; /* of the recording */
};

#endif
