#!/usr/bin/env python3
"""not_speech - what a telephone carries when nobody speaks, made from arithmetic: silence, line tones, noise
and hold music.

    not_speech.py RATE SECONDS FOLDER    makes FOLDER/NAME.wav of each, 16 bits

Tones as in ITU-T E.180 and Q.23. Standard library only."""
import array, itertools, math, os, random, sys, wave


def tone(rate, frequencies, level=0.2):
    steps = [2 * math.pi * f / rate for f in frequencies]
    return (level * sum(math.sin(s * i) for s in steps) for i in itertools.count())


def keyed(rate, sound, on_seconds, off_seconds):
    on, period = int(on_seconds * rate), int((on_seconds + off_seconds) * rate)
    return (x if i % period < on else 0.0 for i, x in enumerate(sound))


def dtmf(rate):
    """All 16 digits, 90 ms each and 90 ms apart."""
    pairs = list(itertools.product((697, 770, 852, 941), (1209, 1336, 1477, 1633)))
    for low, high in itertools.cycle(pairs):
        n = int(0.09 * rate)
        yield from itertools.islice(tone(rate, (low, high)), n)
        yield from itertools.repeat(0.0, n)


def white(rate, level):
    chance = random.Random(1)
    return (level * chance.gauss(0, 1) for _ in itertools.count())


def pink(rate, level):
    """Voss: rows of noise, row k renewed every 2^k samples."""
    chance, rows = random.Random(2), [0.0] * 14
    for i in itertools.count(1):
        rows[min((i & -i).bit_length() - 1, 13)] = chance.gauss(0, 1)
        yield level * (sum(rows) + chance.gauss(0, 1)) / 4


def pluck(rate, frequency, seconds, level):
    """Eight harmonics that die away, the high ones first."""
    out = []
    for i in range(int(seconds * rate)):
        t = i / rate
        attack = min(1.0, t / 0.01)
        out.append(level * attack * sum(math.exp(-t * (1.5 + 0.8 * h)) / h * math.sin(2 * math.pi * frequency * h * t)
                                        for h in range(1, 9) if frequency * h < rate / 2))
    return out


def music(rate, seconds):
    """A chord a bar, a tune over it and a drum under it, 110 beats a minute."""
    chance, beat = random.Random(3), 60 / 110
    sound, notes = [0.0] * int((seconds + 4) * rate), {}

    def add(at, key, frequency, length, level):
        if key not in notes:
            notes[key] = pluck(rate, frequency, length, level)
        start = int(at * rate)
        for i, x in enumerate(notes[key][:len(sound) - start]):
            sound[start + i] += x

    def pitch(semitones):
        return 220 * 2 ** (semitones / 12)

    drum = [0.15 * chance.gauss(0, 1) * math.exp(-i / rate * 40) for i in range(int(0.1 * rate))]
    for step in range(int(seconds / beat * 2)):
        at = step * beat / 2
        root = (0, 5, 7, -3)[step // 8 % 4]
        if step % 8 == 0:
            for k in (0, 4, 7):
                add(at, ("chord", root + k), pitch(root + k), 4 * beat, 0.08)
        if step % 4 == 0:
            add(at, ("bass", root), pitch(root - 12), 2 * beat, 0.12)
        if chance.random() < 0.7:
            k = root + chance.choice((0, 2, 4, 7, 9, 12)) + 12
            add(at, ("tune", k), pitch(k), 1.5 * beat, 0.1)
        if step % 2 == 1:
            for i, x in enumerate(drum):
                sound[int(at * rate) + i] += x
    return sound


def sounds(rate, seconds):
    """(name, samples without end or long enough) of each."""
    return (
        ("silence", itertools.repeat(0.0)),
        ("least_bit", white(rate, 0.7 / 32768)),
        ("tone_1000", tone(rate, (1000,))),
        ("hum_50", tone(rate, (50, 150, 250), 0.05)),
        ("dial", tone(rate, (350, 440))),
        ("dial_425", tone(rate, (425,))),
        ("ringing", keyed(rate, tone(rate, (440, 480)), 2, 4)),
        ("busy", keyed(rate, tone(rate, (480, 620)), 0.5, 0.5)),
        ("fax_calling", keyed(rate, tone(rate, (1100,)), 0.5, 3)),
        ("dtmf", dtmf(rate)),
        ("white_loud", white(rate, 0.1)),
        ("white_quiet", white(rate, 0.003)),
        ("pink", pink(rate, 0.05)),
        ("noise_keyed", keyed(rate, white(rate, 0.05), 0.3, 0.7)),
        ("music", music(rate, seconds)),
    )


def write_all(rate, seconds, folder):
    for name, sound in sounds(rate, seconds):
        samples = array.array("h", (round(32767 * max(-1.0, min(1.0, x)))
                                    for x in itertools.islice(sound, int(rate * seconds))))
        if sys.byteorder == "big":
            samples.byteswap()
        with wave.open(os.path.join(folder, name + ".wav"), "wb") as out:
            out.setparams((1, 2, rate, len(samples), "NONE", ""))
            out.writeframes(samples.tobytes())


write_all(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
