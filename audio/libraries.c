#include "audio/libraries.h"

#include <fftw3.h>
#include <sndfile.h>
#include <soxr.h>
#include <stddef.h>

const char *audio_library(unsigned index)
{
    const char *const libraries[] = {sf_version_string(), soxr_version(), fftwf_version};
    return index < sizeof(libraries) / sizeof(libraries[0]) ? libraries[index] : NULL;
}
