#include "server/request_id.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* The clock is only for kernels where getrandom() is filtered away: ids must not be secret, merely
 * distinct. */
static uint64_t random_word(void)
{
    uint64_t word;
    ssize_t n;

    do
        n = getrandom(&word, sizeof(word), 0);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)sizeof(word))
        return word;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec;
}

void request_id_choose(struct request_id *id, const char *given)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t n = given ? strlen(given) : 0;

    if (n >= 1 && n <= REQUEST_ID_MAX && strspn(given, allowed) == n) {
        memcpy(id->text, given, n + 1);
        return;
    }
    snprintf(id->text, sizeof(id->text), "%016llx%016llx", (unsigned long long)random_word(),
             (unsigned long long)random_word());
}
