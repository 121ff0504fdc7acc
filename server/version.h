/* version.h - the `version` command. */
#ifndef SERVER_VERSION_H
#define SERVER_VERSION_H

#include <stdio.h>

/* Our version, those of the libraries as loaded, and the compiler. */
void version_print(FILE *to);

#endif
