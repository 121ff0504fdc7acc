#include "audio/libraries.h"

#include <fftw3.h>
#include <sndfile.h>
#include <soxr.h>

const char *audio_library_sndfile(void)
{
    return sf_version_string();
}

const char *audio_library_soxr(void)
{
    return soxr_version();
}

const char *audio_library_fftw(void)
{
    return fftwf_version;
}
