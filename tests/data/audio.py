#!/usr/bin/env python3
"""Writes tests/data/audio/: one known signal in every format that the decoder promises.

The signal is 0.5 s at 8 kHz: 0.5 sin(2 pi 440 t) on the left, 0.25 sin(2 pi 660 t) on the right;
mono files hold the left. None of the writers is libsndfile: uncompressed containers are written
here, field by field from their specifications; G.711, ADPCM and GSM by SoX; FLAC, Ogg and MP3 by
the reference encoders flac, oggenc, opusenc and lame. Needs sox flac vorbis-tools opus-tools lame.

usage: tests/data/audio.py tests/data/audio
"""
import math
import os
import random
import struct
import subprocess
import sys
import tempfile

RATE, FRAMES = 8000, 4000


def signal(channels):
    for n in range(FRAMES):
        yield 0.5 * math.sin(2 * math.pi * 440 * n / RATE)
        if channels == 2:
            yield 0.25 * math.sin(2 * math.pi * 660 * n / RATE)


def pcm(channels, bits, order="<"):
    out = bytearray()
    for x in signal(channels):
        value = round(x * (1 << (bits - 1)))
        if bits == 8 and order == "<":  # WAV has 8-bit samples unsigned
            out.append(value + 128)
        else:
            raw = (value & ((1 << bits) - 1)).to_bytes(bits // 8, "little")
            out += raw if order == "<" else raw[::-1]
    return bytes(out)


def floats(channels, code, order="<"):
    return b"".join(struct.pack(order + code, x) for x in signal(channels))


def fmt(tag, channels, bits):
    block = channels * bits // 8
    return struct.pack("<HHIIHH", tag, channels, RATE, RATE * block, block, bits)


def chunk(name, body):
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)


def wav(tag, channels, bits, data):
    body = b"WAVE" + chunk(b"fmt ", fmt(tag, channels, bits)) + chunk(b"data", data)
    return chunk(b"RIFF", body)


def rf64(channels, data):
    ds64 = struct.pack("<QQQI", 4 + 36 + 24 + 8 + len(data), len(data), FRAMES, 0)
    return (b"RF64\xff\xff\xff\xffWAVE" + chunk(b"ds64", ds64) + chunk(b"fmt ", fmt(1, channels, 16))
            + b"data\xff\xff\xff\xff" + data)


def w64(channels, data):
    tail = bytes.fromhex("f3acd3118cd100c04f8edb8a")

    def part(name, body):
        pad = b"\0" * (-len(body) % 8)
        return name + tail + struct.pack("<Q", 24 + len(body)) + body + pad
    body = b"wave" + tail + part(b"fmt ", fmt(1, channels, 16)) + part(b"data", data)
    return b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000") + struct.pack("<Q", 24 + len(body)) + body


def extended(rate):  # the 80-bit float that AIFF keeps its rate in
    exponent = rate.bit_length() - 1
    return struct.pack(">HQ", 16383 + exponent, rate << (63 - exponent))


def aiff(channels, data):
    def part(name, body):
        return name + struct.pack(">I", len(body)) + body
    comm = struct.pack(">HIH", channels, FRAMES, 16) + extended(RATE)
    body = b"AIFF" + part(b"COMM", comm) + part(b"SSND", struct.pack(">II", 0, 0) + data)
    return part(b"FORM", body)


def au(encoding, channels, data):
    return b".snd" + struct.pack(">IIIII", 24, len(data), encoding, RATE, channels) + data


def caf(channels, data):
    def part(name, body):
        return name + struct.pack(">q", len(body)) + body
    desc = struct.pack(">d4sIIIII", RATE, b"lpcm", 0, 2 * channels, 1, channels, 16)
    return b"caff\0\1\0\0" + part(b"desc", desc) + part(b"data", struct.pack(">I", 0) + data)


def main(out):
    def write(name, data):
        with open(os.path.join(out, name), "wb") as f:
            f.write(data)

    def tool(*command):
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    write("mono-s16.wav", wav(1, 1, 16, pcm(1, 16)))
    write("stereo-s16.wav", wav(1, 2, 16, pcm(2, 16)))
    write("mono-u8.wav", wav(1, 1, 8, pcm(1, 8)))
    write("mono-s24.wav", wav(1, 1, 24, pcm(1, 24)))
    write("mono-s32.wav", wav(1, 1, 32, pcm(1, 32)))
    write("mono-f32.wav", wav(3, 1, 32, floats(1, "f")))
    write("mono-f64.wav", wav(3, 1, 64, floats(1, "d")))
    write("stereo-s16.rf64", rf64(2, pcm(2, 16)))
    write("stereo-s16.w64", w64(2, pcm(2, 16)))
    write("stereo-s16.aiff", aiff(2, pcm(2, 16, ">")))
    write("stereo-s16.au", au(3, 2, pcm(2, 16, ">")))
    write("mono-f32.au", au(6, 1, floats(1, "f", ">")))
    write("stereo-s16.caf", caf(2, pcm(2, 16, ">")))
    with tempfile.TemporaryDirectory() as tmp:
        mono, stereo = os.path.join(tmp, "mono.wav"), os.path.join(tmp, "stereo.wav")
        for path, channels in ((mono, 1), (stereo, 2)):
            with open(path, "wb") as f:
                f.write(wav(1, channels, 16, pcm(channels, 16)))
        for name, encoding in (("mulaw", "mu-law"), ("alaw", "a-law"), ("ima", "ima-adpcm"),
                               ("ms", "ms-adpcm"), ("gsm", "gsm-full-rate")):
            tool("sox", "-R", "-D", mono, "-e", encoding, os.path.join(out, f"mono-{name}.wav"))
        tool("sox", "-R", "-D", mono, "-e", "mu-law", os.path.join(out, "mono-mulaw.au"))
        tool("sox", "-R", "-D", mono, os.path.join(out, "mono-s16.sph"))
        tool("flac", "-sf", "--blocksize=512", stereo, "-o", os.path.join(out, "stereo.flac"))
        tool("oggenc", "-Q", "-q", "6", "-s", "1", stereo, "-o", os.path.join(out, "stereo-vorbis.ogg"))
        tool("opusenc", "--quiet", "--serial", "1", "--bitrate", "64", "--max-delay", "100", stereo,
             os.path.join(out, "stereo-opus.ogg"))
        tool("lame", "--quiet", "-b", "64", stereo, os.path.join(out, "stereo.mp3"))
        silence = os.path.join(tmp, "silence.wav")
        with open(silence, "wb") as f:
            f.write(wav(1, 1, 16, bytes(2 * RATE * 20)))
        tool("flac", "-sf", silence, "-o", os.path.join(out, "silence-20s.flac"))
        # Noise and then silence: the first frame's bit rate says nothing about the length.
        noise, uneven = random.Random(1), os.path.join(tmp, "uneven.wav")
        loud = (noise.randrange(-20000, 20000) for _ in range(RATE))
        with open(uneven, "wb") as f:
            f.write(wav(1, 1, 16, b"".join(struct.pack("<h", x) for x in loud) + bytes(2 * RATE)))
        tool("lame", "--quiet", "-t", "-V", "2", uneven, os.path.join(out, "vbr-without-xing.mp3"))


if __name__ == "__main__":
    main(sys.argv[1])
