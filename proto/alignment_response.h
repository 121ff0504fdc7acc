/* alignment_response.h - the answer of POST /v1/alignments. */
#ifndef PROTO_ALIGNMENT_RESPONSE_H
#define PROTO_ALIGNMENT_RESPONSE_H

#include "audio/status.h"
#include "model/alignment.h"
#include "model/labels.h"
#include "proto/buffer.h"

/* Appends the whole body to *out. Words and characters are spelled as in `text`, of which `labels`
 * were made and then aligned. */
enum asr_status alignment_render(const struct alignment *alignment, const char *text,
                                 const struct labels *labels, struct buffer *out,
                                 struct asr_error *err);

#endif
