/* config_file.h - a file of `key = value` lines.
 *
 * # starts a comment, at the start of a line or after a blank; blank lines are skipped; blanks
 * around keys and values do not count. There are no quotes, sections or continued lines. */
#ifndef SERVER_CONFIG_FILE_H
#define SERVER_CONFIG_FILE_H

#include "audio/status.h"

enum { CONFIG_FILE_MAX_BYTES = 1 << 20 };

/* `where` is "FILE:LINE: KEY", to begin an error message with. */
typedef enum asr_status config_found(void *ctx, const char *key, const char *value,
                                     const char *where, struct asr_error *err);

/* Calls found() for every line, in order, and stops at its first failure. ASR_ERR_IO with the path;
 * ASR_ERR_FORMAT with FILE:LINE for a line that is none of the above. */
enum asr_status config_file_read(const char *path, config_found *found, void *ctx,
                                 struct asr_error *err);

#endif
