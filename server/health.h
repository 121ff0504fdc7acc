/* health.h - GET /livez, /readyz and /health.
 *
 * /livez says that the process answers; /readyz that it can transcribe: 503 while the model loads
 * and while the daemon drains. The wording is whisper.cpp's, whose clients ask /health. */
#ifndef SERVER_HEALTH_H
#define SERVER_HEALTH_H

struct exchange;

void health_live(struct exchange *x);
void health_ready(struct exchange *x);

#endif
