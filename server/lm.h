/* lm.h - `scribed lm build|info|score`: language models from the command line. */
#ifndef SERVER_LM_H
#define SERVER_LM_H

/* argv[0] is "lm". Returns the program's exit code: 0, 1 when something failed (said on standard
 * error), 2 for a command line that makes no sense. */
int lm_command(int argc, char **argv);

#endif
