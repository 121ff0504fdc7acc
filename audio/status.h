/* status.h - how every function of audio/, model/ and proto/ reports failure.
 *
 * A function that can fail returns enum asr_status and fills *err, once, where the cause is
 * known. The text names the thing and both values ("sample rate 10000000 Hz is over the limit of
 * 192000 Hz"): it is shown to users as it stands. Results leave through out parameters, which
 * are NULL or untouched on failure. */
#ifndef AUDIO_STATUS_H
#define AUDIO_STATUS_H

enum asr_status {
    ASR_OK = 0,
    ASR_ERR_NOMEM,       /* memory was refused */
    ASR_ERR_IO,          /* a file could not be opened, read or mapped */
    ASR_ERR_FORMAT,      /* bytes that break the rules of their own format */
    ASR_ERR_UNSUPPORTED, /* well formed, but not something we can do */
    ASR_ERR_LIMIT,       /* over a configured limit */
    ASR_ERR_INVALID,     /* an argument that the user gave makes no sense */
    ASR_ERR_DROPPED,     /* not begun: its time was over, or nobody waits for it any more */
};

/* Caller-owned, usually on the stack. `text` is always terminated. */
struct asr_error {
    enum asr_status status;
    char text[320];
};

/* Fills *err (NULL is fine) and returns `status`, so that a failure is one statement. */
enum asr_status asr_fail(struct asr_error *err, enum asr_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* For clang-tidy only: without it the analyser follows paths on which asr_fail() returns ASR_OK. */
#ifdef __clang_analyzer__
#define asr_fail(err, status, ...) ((asr_fail)(err, status, __VA_ARGS__), (status))
#endif

#endif
