#include "audio/status.h"

#include <stdarg.h>
#include <stdio.h>

enum asr_status(asr_fail)(struct asr_error *err, enum asr_status status, const char *format, ...)
{
    if (err) {
        va_list args;
        err->status = status;
        va_start(args, format);
        vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
    }
    return status;
}
