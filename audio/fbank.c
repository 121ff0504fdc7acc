/* fbank.c - see fbank.h for the definition.
 *
 * A frame is 512 samples of arithmetic, most of it the FFT. The mel triangles are stored sparse: a
 * bin touches only the spectrum lines under its triangle, so the 80 x 257 product shrinks to
 * about 2 x 257. The stream is carried as the samples of the next frame: moving the overlap down
 * once a frame costs less than a tenth of the FFT, and makes pieces of any size take exactly
 * the same steps as the whole. */
#include "audio/fbank.h"

#include <fftw3.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct mel_triangle {
    size_t first_line, n_lines; /* of the spectrum */
    size_t offset;              /* of its first weight in fbank.weights */
};

struct fbank {
    struct fbank_config config;
    size_t length, shift;     /* samples */
    float *window;            /* [length] */
    struct mel_triangle *mel; /* [num_mel_bins] */
    float *weights;
    fftwf_plan plan;
};

struct fbank_work {
    float *frame;            /* [fft_size] */
    fftwf_complex *spectrum; /* [fft_size / 2 + 1] */
    float *energies;         /* [fft_size / 2 + 1] */
};

struct fbank_state {
    size_t held;  /* samples in `next` */
    size_t skip;  /* samples to drop before the next frame, when shift > length */
    float next[]; /* [length] */
};

enum { MAX_FFT_SIZE = 1 << 16, MAX_BINS = 1024 };

/* FFTW's planner and its clean-up share global tables: one thread at a time. */
static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;

static double mel_of_hz(double hz)
{
    return 1127.0 * log(1.0 + hz / 700.0);
}

static double high_freq(const struct fbank_config *c)
{
    double nyquist = 0.5 * c->sample_rate_hz;
    return c->high_freq_hz > 0.0 ? c->high_freq_hz : nyquist + c->high_freq_hz;
}

/* `ms` as Kaldi counts it: whole samples, the rest dropped. SIZE_MAX when it is no length at all.
 */
static size_t samples_of_ms(const struct fbank_config *c, double ms)
{
    double samples = c->sample_rate_hz * 0.001 * ms;
    return samples >= 0.0 && samples < MAX_FFT_SIZE ? (size_t)samples : SIZE_MAX;
}

static enum asr_status check_frames(const struct fbank_config *c, size_t length, size_t shift,
                                    struct asr_error *err)
{
    if (c->sample_rate_hz == 0)
        return asr_fail(err, ASR_ERR_INVALID, "features.sample_rate: 0 Hz");
    if (shift == 0 || shift == SIZE_MAX)
        return asr_fail(err, ASR_ERR_INVALID,
                        "features.frame_shift_ms: %g ms is not between 1 and %d samples at %u Hz",
                        c->frame_shift_ms, MAX_FFT_SIZE, c->sample_rate_hz);
    if (length < 2 || length == SIZE_MAX)
        return asr_fail(err, ASR_ERR_INVALID,
                        "features.frame_length_ms: %g ms is not between 2 and %d samples at %u Hz",
                        c->frame_length_ms, MAX_FFT_SIZE, c->sample_rate_hz);
    if (c->fft_size < length || c->fft_size > MAX_FFT_SIZE)
        return asr_fail(err, ASR_ERR_INVALID,
                        "features.fft_size: %zu is not between the frame's %zu samples and %d",
                        c->fft_size, length, MAX_FFT_SIZE);
    return ASR_OK;
}

/* The comparisons are written so that NaN fails them. */
static enum asr_status check_values(const struct fbank_config *c, struct asr_error *err)
{
    double nyquist = 0.5 * c->sample_rate_hz;

    if (c->num_mel_bins == 0 || c->num_mel_bins > MAX_BINS)
        return asr_fail(err, ASR_ERR_INVALID, "features.num_mel_bins: %zu is not between 1 and %d",
                        c->num_mel_bins, MAX_BINS);
    if (!(c->low_freq_hz >= 0.0 && c->low_freq_hz < high_freq(c)))
        return asr_fail(err, ASR_ERR_INVALID, "features.low_freq: %g Hz is not between 0 and %g Hz",
                        c->low_freq_hz, high_freq(c));
    if (!(high_freq(c) <= nyquist))
        return asr_fail(err, ASR_ERR_INVALID,
                        "features.high_freq: %g Hz is above half the sample rate, %g Hz",
                        c->high_freq_hz, nyquist);
    if (!(c->log_floor > 0.0) || isinf(c->log_floor))
        return asr_fail(err, ASR_ERR_INVALID, "features.log_floor: %g is not above 0",
                        c->log_floor);
    if (!(c->sample_scale > 0.0) || isinf(c->sample_scale))
        return asr_fail(err, ASR_ERR_INVALID, "features.sample_scale: %g is not above 0",
                        c->sample_scale);
    if (!(c->preemphasis >= 0.0 && c->preemphasis <= 1.0))
        return asr_fail(err, ASR_ERR_INVALID, "features.preemphasis: %g is not between 0 and 1",
                        c->preemphasis);
    return ASR_OK;
}

static double window_value(enum fbank_window kind, size_t i, size_t length)
{
    const double pi = 3.14159265358979323846;
    double cosine = cos(2.0 * pi * (double)i / (double)(length - 1));

    switch (kind) {
    case WINDOW_POVEY:
        return pow(0.5 - 0.5 * cosine, 0.85);
    case WINDOW_HAMMING:
        return 0.54 - 0.46 * cosine;
    case WINDOW_HANNING:
        return 0.5 - 0.5 * cosine;
    case WINDOW_RECTANGULAR:
        break;
    }
    return 1.0;
}

/* Weight of a spectrum line in triangle `bin`: up to the centre and down again, linear in mel. */
static double mel_weight(const struct fbank_config *c, size_t bin, size_t line)
{
    double low = mel_of_hz(c->low_freq_hz);
    double step = (mel_of_hz(high_freq(c)) - low) / (double)(c->num_mel_bins + 1);
    double left = low + step * (double)bin;
    double mel = mel_of_hz((double)line * c->sample_rate_hz / (double)c->fft_size);

    if (mel <= left || mel >= left + 2.0 * step)
        return 0.0;
    return mel <= left + step ? (mel - left) / step : (left + 2.0 * step - mel) / step;
}

/* Fills fb->mel and fb->weights. The Nyquist line belongs to no triangle, as in Kaldi, which also
 * refuses a triangle that falls between two lines: it would never be anything but the floor. */
static enum asr_status fill_triangles(struct fbank *fb, struct asr_error *err)
{
    size_t lines = fb->config.fft_size / 2, offset = 0;

    for (size_t bin = 0; bin < fb->config.num_mel_bins; bin++) {
        struct mel_triangle *t = &fb->mel[bin];
        t->offset = offset;
        for (size_t line = 0; line < lines; line++) {
            double weight = mel_weight(&fb->config, bin, line);
            if (weight <= 0.0)
                continue;
            if (t->n_lines == 0)
                t->first_line = line;
            t->n_lines = line - t->first_line + 1;
            fb->weights[offset++] = (float)weight;
        }
        if (t->n_lines == 0)
            return asr_fail(err, ASR_ERR_INVALID,
                            "features.num_mel_bins: %zu are too many for an fft_size of %zu: bin "
                            "%zu has no line of the spectrum",
                            fb->config.num_mel_bins, fb->config.fft_size, bin);
    }
    return ASR_OK;
}

static enum asr_status plan_fft(struct fbank *fb, struct asr_error *err)
{
    struct fbank_work *work;
    enum asr_status st = fbank_work_new(&work, fb, err);
    if (st != ASR_OK)
        return st;
    pthread_mutex_lock(&planner);
    /* ESTIMATE, for a plan that is the same at every start: MEASURE picks by timing, and another
     * algorithm rounds differently. */
    fb->plan =
        fftwf_plan_dft_r2c_1d((int)fb->config.fft_size, work->frame, work->spectrum, FFTW_ESTIMATE);
    pthread_mutex_unlock(&planner);
    fbank_work_free(work);
    return fb->plan ? ASR_OK
                    : asr_fail(err, ASR_ERR_NOMEM, "features.fft_size: FFTW has no plan for %zu",
                               fb->config.fft_size);
}

enum asr_status fbank_new(struct fbank **out, const struct fbank_config *config,
                          struct asr_error *err)
{
    size_t length = samples_of_ms(config, config->frame_length_ms);
    size_t shift = samples_of_ms(config, config->frame_shift_ms);
    enum asr_status st = check_frames(config, length, shift, err);

    *out = NULL;
    if (st == ASR_OK)
        st = check_values(config, err);
    if (st != ASR_OK)
        return st;
    struct fbank *fb = calloc(1, sizeof(*fb));
    if (!fb)
        return asr_fail(err, ASR_ERR_NOMEM, "fbank: out of memory");
    fb->config = *config;
    fb->length = length;
    fb->shift = shift;
    fb->window = malloc(length * sizeof(*fb->window));
    fb->mel = calloc(config->num_mel_bins, sizeof(*fb->mel));
    fb->weights = malloc(config->fft_size * sizeof(*fb->weights)); /* a line is under 2 triangles */
    if (!fb->window || !fb->mel || !fb->weights) {
        st = asr_fail(err, ASR_ERR_NOMEM, "fbank: out of memory");
        goto fail;
    }
    for (size_t i = 0; i < length; i++)
        fb->window[i] = (float)window_value(config->window, i, length);
    st = fill_triangles(fb, err);
    if (st == ASR_OK)
        st = plan_fft(fb, err);
    if (st != ASR_OK)
        goto fail;
    *out = fb;
    return ASR_OK;

fail:
    fbank_free(fb);
    return st;
}

void fbank_free(struct fbank *fb)
{
    if (!fb)
        return;
    if (fb->plan) {
        pthread_mutex_lock(&planner);
        fftwf_destroy_plan(fb->plan);
        pthread_mutex_unlock(&planner);
    }
    free(fb->window);
    free(fb->mel);
    free(fb->weights);
    free(fb);
}

size_t fbank_bins(const struct fbank *fb)
{
    return fb->config.num_mel_bins;
}

const struct fbank_config *fbank_config(const struct fbank *fb)
{
    return &fb->config;
}

enum asr_status fbank_work_new(struct fbank_work **out, const struct fbank *fb,
                               struct asr_error *err)
{
    struct fbank_work *work = calloc(1, sizeof(*work));
    size_t lines = fb->config.fft_size / 2 + 1;

    *out = NULL;
    if (work) {
        /* FFTW's own allocator: execute on new arrays needs the alignment of the planned ones. */
        work->frame = fftwf_alloc_real(fb->config.fft_size);
        work->spectrum = fftwf_alloc_complex(lines);
        work->energies = malloc(lines * sizeof(*work->energies));
    }
    if (!work || !work->frame || !work->spectrum || !work->energies) {
        fbank_work_free(work);
        return asr_fail(err, ASR_ERR_NOMEM, "fbank: out of memory");
    }
    *out = work;
    return ASR_OK;
}

void fbank_work_free(struct fbank_work *work)
{
    if (!work)
        return;
    fftwf_free(work->frame);
    fftwf_free(work->spectrum);
    free(work->energies);
    free(work);
}

enum asr_status fbank_state_new(struct fbank_state **out, const struct fbank *fb,
                                struct asr_error *err)
{
    *out = calloc(1, sizeof(**out) + fb->length * sizeof((*out)->next[0]));
    return *out ? ASR_OK : asr_fail(err, ASR_ERR_NOMEM, "fbank: out of memory");
}

void fbank_state_free(struct fbank_state *state)
{
    free(state);
}

void fbank_state_reset(struct fbank_state *state)
{
    state->held = 0;
    state->skip = 0;
}

static size_t frames_in(const struct fbank *fb, size_t samples)
{
    return samples < fb->length ? 0 : 1 + (samples - fb->length) / fb->shift;
}

size_t fbank_frames(const struct fbank *fb, size_t samples)
{
    return frames_in(fb, samples);
}

size_t fbank_frames_ready(const struct fbank *fb, const struct fbank_state *state, size_t samples)
{
    return samples <= state->skip ? 0 : frames_in(fb, state->held + samples - state->skip);
}

/* samples[length] -> work->frame[fft_size], windowed and padded. */
static void window_frame(const struct fbank *fb, struct fbank_work *work, const float *samples)
{
    const struct fbank_config *c = &fb->config;
    float scale = (float)c->sample_scale, preemphasis = (float)c->preemphasis;
    float *frame = work->frame, mean = 0.0f;

    if (c->remove_dc_offset) {
        double sum = 0.0;
        for (size_t i = 0; i < fb->length; i++)
            sum += samples[i];
        mean = (float)(sum * c->sample_scale / (double)fb->length);
    }
    float before = samples[0] * scale - mean; /* the first sample's own predecessor */
    for (size_t i = 0; i < fb->length; i++) {
        float sample = samples[i] * scale - mean;
        frame[i] = (sample - preemphasis * before) * fb->window[i];
        before = sample;
    }
    memset(frame + fb->length, 0, (c->fft_size - fb->length) * sizeof(*frame));
}

/* samples[length] -> out[bins] */
static void compute_frame(const struct fbank *fb, struct fbank_work *work, const float *samples,
                          float *out)
{
    float floor_energy = (float)fb->config.log_floor;

    window_frame(fb, work, samples);
    fftwf_execute_dft_r2c(fb->plan, work->frame, work->spectrum);
    for (size_t k = 0; k < fb->config.fft_size / 2; k++) {
        float re = work->spectrum[k][0], im = work->spectrum[k][1];
        float power = re * re + im * im;
        work->energies[k] = fb->config.power ? power : sqrtf(power);
    }
    for (size_t bin = 0; bin < fb->config.num_mel_bins; bin++) {
        const struct mel_triangle *t = &fb->mel[bin];
        const float *weights = fb->weights + t->offset, *lines = work->energies + t->first_line;
        float energy = 0.0f;
        for (size_t k = 0; k < t->n_lines; k++)
            energy += weights[k] * lines[k];
        out[bin] = logf(energy > floor_energy ? energy : floor_energy);
    }
}

size_t fbank_push(const struct fbank *fb, struct fbank_work *work, struct fbank_state *state,
                  const float *in, size_t samples, float *out)
{
    size_t frames = 0, used = state->skip < samples ? state->skip : samples;

    state->skip -= used;
    for (;;) {
        size_t missing = fb->length - state->held;
        size_t take = missing < samples - used ? missing : samples - used;
        memcpy(state->next + state->held, in + used, take * sizeof(*in));
        state->held += take;
        used += take;
        if (state->held < fb->length)
            return frames;
        compute_frame(fb, work, state->next, out + frames++ * fb->config.num_mel_bins);
        if (fb->shift < fb->length) {
            state->held -= fb->shift;
            memmove(state->next, state->next + fb->shift, state->held * sizeof(*in));
        } else {
            size_t gap = fb->shift - fb->length, drop = gap < samples - used ? gap : samples - used;
            state->held = 0;
            state->skip = gap - drop;
            used += drop;
        }
    }
}
