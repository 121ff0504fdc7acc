#include "server/version.h"

#include <jansson.h>
#include <microhttpd.h>

#include "audio/libraries.h"
#include "model/gemm.h"

void version_print(FILE *to)
{
    fprintf(to, "scribed %s (%s %s)\n", SCRIBED_VERSION,
#ifdef __clang__
            "clang",
#else
            "gcc",
#endif
            __VERSION__);
    for (unsigned i = 0; audio_library(i); i++)
        fprintf(to, "%s\n", audio_library(i));
    fprintf(to, "%s\njansson-%s\nlibmicrohttpd-%s\n", gemm_library(), JANSSON_VERSION,
            MHD_get_version());
}
