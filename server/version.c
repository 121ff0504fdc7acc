#include "server/version.h"

#include <jansson.h>
#include <microhttpd.h>
#include <zlib.h>

#include "audio/libraries.h"
#include "model/gemm.h"
#include "model/kernels/kernel.h"

void version_print(FILE *to)
{
    fprintf(to, "scribed %s\n", SCRIBED_VERSION);
    fprintf(to, "built with %s %s\n",
#ifdef __clang__
            "clang",
#else
            "gcc",
#endif
            __VERSION__);
    fprintf(to, "%s\n%s\n%s\n", audio_library_sndfile(), audio_library_soxr(),
            audio_library_fftw());
    fprintf(to, "%s\n", gemm_library());
    fputs("kernels for this machine:", to);
    for (size_t i = 0; i < n_kernels; i++)
        if (kernels[i]->usable())
            fprintf(to, " %s", kernels[i]->name);
    fputc('\n', to);
    fprintf(to, "libmicrohttpd-%s\njansson-%s\nzlib-%s\n", MHD_get_version(), jansson_version_str(),
            zlibVersion());
}
