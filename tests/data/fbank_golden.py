#!/usr/bin/env python3
"""Writes tests/data/fbank/phone8k-hamming-23.npy: features of a telephone recording under a config
far from the shipped model's, by kaldi-native-fbank (a port of Kaldi's own code; pip install numpy
kaldi-native-fbank). The recording is 8 kHz mu-law, expanded here by the formula of ITU-T G.711.

usage: tests/data/fbank_golden.py tests/data
"""
import os
import sys

import kaldi_native_fbank as knf
import numpy as np


def mulaw(codes):
    codes = ~codes & 0xFF
    magnitude = ((((codes & 0x0F) << 3) + 0x84) << ((codes >> 4) & 7)) - 0x84
    return np.where(codes & 0x80, -magnitude, magnitude).astype(np.float32)


def main(data):
    with open(os.path.join(data, "golden/phone8k.61-70968-0025.wav"), "rb") as f:
        wav = f.read()
    begin = wav.index(b"data") + 8
    size = int.from_bytes(wav[begin - 4 : begin], "little")
    samples = mulaw(np.frombuffer(wav[begin : begin + size], np.uint8).astype(np.int32))
    o = knf.FbankOptions()
    o.frame_opts.samp_freq = 8000
    o.frame_opts.frame_length_ms = 24.9
    o.frame_opts.frame_shift_ms = 10
    o.frame_opts.dither = 0
    o.frame_opts.window_type = "hamming"
    o.frame_opts.snip_edges = True
    o.mel_opts.num_bins = 23
    o.mel_opts.low_freq = 20
    o.mel_opts.high_freq = -200
    o.use_power = False
    o.energy_floor = 0
    fbank = knf.OnlineFbank(o)
    fbank.accept_waveform(8000, samples.tolist())
    fbank.input_finished()
    frames = [fbank.get_frame(i) for i in range(fbank.num_frames_ready)]
    np.save(os.path.join(data, "fbank/phone8k-hamming-23.npy"), np.array(frames, np.float32))


if __name__ == "__main__":
    main(sys.argv[1])
