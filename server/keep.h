/* keep.h - the posteriors of finished requests, kept for a while by request id, so that they can be
 * decoded again with other phrases or weights.
 *
 * Bounded: what is kept, and what is lent out, never takes more than max_bytes. What is older than
 * its time to live is not found any more, and freed by the next keep_expire(); when room is wanted,
 * what was used longest ago goes first. Any thread may call any of these. */
#ifndef SERVER_KEEP_H
#define SERVER_KEEP_H

#include <stdbool.h>
#include <stddef.h>

#include "audio/status.h"
#include "server/posteriors.h"

struct keep;
struct kept;

/* `clock_ms` only goes forward; tests give their own. */
enum asr_status keep_new(struct keep **out, size_t max_bytes, double seconds,
                         double (*clock_ms)(void), struct asr_error *err);

/* When nothing is lent out any more. NULL is fine. */
void keep_free(struct keep *keep);

/* Copies; replaces what was kept under the same id. False when there is no room for it, whatever
 * else was dropped, or no memory. */
bool keep_put(struct keep *keep, const char *id, const struct posteriors *posteriors);

/* NULL when there is nothing under this id. What is lent stays until keep_release(), even when its
 * entry is dropped meanwhile. */
struct kept *keep_borrow(struct keep *keep, const char *id);
const struct posteriors *kept_posteriors(const struct kept *kept);
void keep_release(struct keep *keep, struct kept *kept);

/* Frees what is past its time. To be called now and then. */
void keep_expire(struct keep *keep);

/* What it all takes just now. */
size_t keep_bytes(struct keep *keep);

#endif
