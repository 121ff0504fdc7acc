/* mix.h - interleaved channels -> one channel. */
#ifndef AUDIO_MIX_H
#define AUDIO_MIX_H

#include <stddef.h>

/* interleaved[frames, channels] -> mono[frames], the mean over the channels. In place is fine. */
void mix_to_mono(const float *interleaved, size_t frames, unsigned channels, float *mono);

/* interleaved[frames, channels] -> mono[frames], one channel (0-based). In place is fine. */
void mix_pick_channel(const float *interleaved, size_t frames, unsigned channels, unsigned channel,
                      float *mono);

#endif
