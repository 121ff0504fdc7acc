/* clock.h - time that only goes forward, in milliseconds. */
#ifndef SERVER_CLOCK_H
#define SERVER_CLOCK_H

double clock_ms(void);

#endif
