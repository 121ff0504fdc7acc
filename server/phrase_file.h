/* phrase_file.h - a file of phrases, one a line: `phrase`, or `phrase<TAB>weight`. Empty lines do
 * not count. */
#ifndef SERVER_PHRASE_FILE_H
#define SERVER_PHRASE_FILE_H

#include "audio/status.h"
#include "proto/phrase_list.h"

enum { PHRASE_FILE_MAX_BYTES = 1 << 20 };

/* Adds them to the list. ASR_ERR_IO with the path; ASR_ERR_FORMAT with FILE:LINE and what is wrong
 * there; ASR_ERR_LIMIT, ASR_ERR_NOMEM. */
enum asr_status phrase_file_read(struct phrase_list *list, const char *path, struct asr_error *err);

#endif
