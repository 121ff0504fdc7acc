#!/usr/bin/env python3
"""hostile_audio.py SPEECH DIR: writes recordings that lie, break off or make no sense into DIR.

A file's name says what the daemon must answer: STATUS-what.ext. 200 means that text may come,
since what can be decoded is; 400 that nothing can; any is either. Containers are written byte by byte here, by
none of the code under test."""
import os, struct, sys

speech, out = sys.argv[1:]
flac = open(speech, "rb").read()


def write(name, data):
    with open(os.path.join(out, name), "wb") as f:
        f.write(data)


def wav(fmt=1, channels=1, rate=16000, bits=16, data=b"\0\0" * 16000, data_size=None, riff_size=None):
    align = channels * bits // 8
    head = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, fmt, channels, rate, (rate * align) & 0xFFFFFFFF, align & 0xFFFF, bits)
    size = len(data) if data_size is None else data_size
    body = head + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", len(body) if riff_size is None else riff_size) + body


floats = lambda values: struct.pack("<%df" % len(values), *values)
nan, inf = float("nan"), float("inf")

write("400-empty.wav", b"")
write("400-riff-only.wav", b"RIFF")
write("400-header-cut.wav", wav()[:30])
write("400-no-samples.wav", wav(data=b""))
write("200-one-sample.wav", wav(data=b"\1\0"))
write("200-silence.wav", wav(data=b"\0\0" * 32000))
write("200-nan.wav", wav(fmt=3, bits=32, data=floats([nan, inf, -inf, 1e38] * 4000)))
write("400-rate-0.wav", wav(rate=0))
write("400-rate-10-MHz.wav", wav(rate=10_000_000))
write("400-1000-channels.wav", wav(channels=1000, data=b"\0" * 20000))
write("400-0-channels.wav", wav(channels=0))
write("200-claims-4-GB.wav", wav(data_size=0xFFFFFFF0, riff_size=0xFFFFFFFF))
write("200-size-unknown.wav", wav(data_size=0xFFFFFFFF, riff_size=0xFFFFFFFF))
write("400-unknown-codec.wav", wav(fmt=0x1234))
write("any-7-bits.wav", wav(bits=7))
write("400-text.wav", b"It was a bright cold day in April, and the clocks were striking thirteen.\n" * 50)
write("400-text.txt", b"no audio at all")
write("400-json.mp3", b'{"file": "audio"}' * 100)
write("400-zeros.mp3", b"\0" * 50000)
write("400-video.mp4", b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + b"\0" * 5000)
write("400-movie.webm", b"\x1a\x45\xdf\xa3" + b"\x42\x86\x81\x01" * 500)
write("200-cut.flac", flac[:len(flac) // 2])
write("400-head.flac", flac[:20])
lying = bytearray(flac)
lying[21] |= 0x0F  # STREAMINFO: the number of samples' upper bits
lying[22:26] = b"\xff\xff\xff\xff"
write("400-claims-50-days.flac", bytes(lying))
noisy = bytearray(flac)
for i in range(2000, len(noisy), 997):
    noisy[i] ^= 0x5A
write("any-bit-rot.flac", bytes(noisy))
write("400-page-header.ogg", b"OggS\0\2" + b"\xff" * 200)
write("400-id3.mp3", b"ID3\4\0\0\x7f\x7f\x7f\x7f" + b"\0" * 1000)
write("any-frames-of-noise.mp3", b"\xff\xfb\x90\x64" + bytes((i * 7919) & 0xFF for i in range(20000)))
