/* transcribe.h - the `transcribe FILE...` command: the server's pipeline, offline. */
#ifndef SERVER_TRANSCRIBE_H
#define SERVER_TRANSCRIBE_H

#include "server/options.h"

/* Results to standard output in the order of the files; failures, each with its file's name, and
 * progress on a terminal, to standard error. The exit status: 1 when a file failed. */
int transcribe(const struct options *options, int n_files, char *const *files);

#endif
