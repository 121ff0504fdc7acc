/* fbank.h - Kaldi-type log mel filter bank features, streaming.
 *
 * Source: Kaldi's compute-fbank-feats (feat/feature-window.cc, feat/mel-computations.cc). Per
 * frame: samples times sample_scale; DC offset removed; pre-emphasis (the first sample uses
 * itself); window; zero-pad to fft_size; power spectrum; mel triangles, linear in
 * mel = 1127 ln(1 + f / 700); natural log of max(energy, log_floor).
 *
 * Three lifetimes: struct fbank never changes after fbank_new() and is shared by all threads
 * (FFTW's execute is re-entrant; planning is not, and happens under a lock in fbank_new() only).
 * struct fbank_work is scratch, one thread at a time. struct fbank_state is one stream. */
#ifndef AUDIO_FBANK_H
#define AUDIO_FBANK_H

#include <stdbool.h>
#include <stddef.h>

#include "audio/status.h"

enum fbank_window { WINDOW_POVEY, WINDOW_HAMMING, WINDOW_HANNING, WINDOW_RECTANGULAR };

struct fbank_config {
    unsigned sample_rate_hz;
    double sample_scale;
    double frame_length_ms, frame_shift_ms;
    size_t num_mel_bins;
    double low_freq_hz,
        high_freq_hz; /* high <= 0 is relative to the Nyquist frequency, as in Kaldi */
    double preemphasis;
    enum fbank_window window;
    bool remove_dc_offset;
    bool power; /* power spectrum; false: magnitude */
    size_t fft_size;
    double log_floor;
};

struct fbank;
struct fbank_work;
struct fbank_state;

/* ASR_ERR_INVALID names the config key that cannot be (keys as in model/FORMAT.md). */
enum asr_status fbank_new(struct fbank **out, const struct fbank_config *config,
                          struct asr_error *err);
void fbank_free(struct fbank *fb); /* NULL is fine */

size_t fbank_bins(const struct fbank *fb);
const struct fbank_config *fbank_config(const struct fbank *fb);

enum asr_status fbank_work_new(struct fbank_work **out, const struct fbank *fb,
                               struct asr_error *err);
void fbank_work_free(struct fbank_work *work);

enum asr_status fbank_state_new(struct fbank_state **out, const struct fbank *fb,
                                struct asr_error *err);
void fbank_state_free(struct fbank_state *state);
void fbank_state_reset(struct fbank_state *state); /* ready for another stream */

/* Frames of a whole recording (snip_edges): 0 if samples < length, else
 * 1 + (samples - length) / shift. */
size_t fbank_frames(const struct fbank *fb, size_t samples);

/* Frames that the next push of `samples` will give. */
size_t fbank_frames_ready(const struct fbank *fb, const struct fbank_state *state, size_t samples);

/* in[samples] in [-1, 1] -> out[fbank_frames_ready(), bins]; returns that number of frames. Pieces
 * of any size give bit for bit what the whole gives. Does not allocate, so cannot fail. */
size_t fbank_push(const struct fbank *fb, struct fbank_work *work, struct fbank_state *state,
                  const float *in, size_t samples, float *out);

#endif
