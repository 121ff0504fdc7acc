#include "audio/mix.h"

void mix_to_mono(const float *interleaved, size_t frames, unsigned channels, float *mono)
{
    for (size_t i = 0; i < frames; i++) {
        float sum = 0.0f;
        for (unsigned c = 0; c < channels; c++)
            sum += interleaved[i * channels + c];
        mono[i] = sum / (float)channels;
    }
}

void mix_pick_channel(const float *interleaved, size_t frames, unsigned channels, unsigned channel,
                      float *mono)
{
    for (size_t i = 0; i < frames; i++)
        mono[i] = interleaved[i * channels + channel];
}
