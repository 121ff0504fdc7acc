/* mapped_file.h - a whole file, mapped read-only. */
#ifndef MODEL_MAPPED_FILE_H
#define MODEL_MAPPED_FILE_H

#include <stddef.h>

#include "audio/status.h"

/* Owned by whoever opened it: mapped_file_close(). All zero is closed. */
struct mapped_file {
    void *bytes; /* read-only; NULL for an empty file */
    size_t n_bytes;
};

/* ASR_ERR_IO with the path and the reason; *file is closed then. A file that is shortened while it
 * is mapped kills the reader (SIGBUS), so replace files by renaming over them. */
enum asr_status mapped_file_open(struct mapped_file *file, const char *path, struct asr_error *err);
void mapped_file_close(struct mapped_file *file);

#endif
