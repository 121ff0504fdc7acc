#!/usr/bin/env python3
"""edges - how far the edges of words are from where speech begins and ends, on calls whose utterances
were put together at known times. JSON, one object a line.

EVAL=DIR as for wer.sh; its set `calls` has text.tsv: file, channel, start, end, speaker, TRANSCRIPT, and
two-channel mu-law WAV. The known times are those of whole recordings with silence at both ends, so the
reference is where an utterance's speech begins and ends by energy: the first and the last of at least
three frames of 10 ms in a row that are less than `threshold_db` below its loudest frame. A threshold
is a choice (a weak consonant at the edge is lost under a high one, breath is speech under a low one), so
all is reported at several. At 40 dB the noise of half of these recordings counts as speech.

  recognised  each channel of each call is transcribed; an utterance's words (and segments) are those
              of its channel whose middle lies in it. Words missed at the edges count as time errors,
  right       so here are only utterances whose first (last) word was recognised.
  aligned     each utterance by itself and its transcript go to /v1/alignments.

Errors are ours minus the reference, in seconds: `median` is signed (above 0: late), `median_absolute`
and `p90_absolute` are not. Needs Python's standard library only."""
import json, os, statistics, struct

from daemon import daemon, post

THRESHOLDS_DB = (25, 30, 35, 40)
FRAME_SECONDS, MIN_RUN = 0.01, 3


def mulaw_square(byte):
    byte = ~byte & 0xFF
    return (((byte & 0x0F) * 2 + 33 << (byte >> 4 & 7)) - 33) ** 2


SQUARES = [mulaw_square(b) for b in range(256)]


def read_channels(path):
    """rate, [bytes of each channel]"""
    data, at = open(path, "rb").read(), 12
    while at < len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        if kind == b"fmt ":
            coding, n_channels, rate = struct.unpack_from("<HHI", data, at + 8)
            assert coding == 7, "%s is not mu-law" % path
        if kind == b"data":
            samples = data[at + 8:at + 8 + size]
            return rate, [samples[c::n_channels] for c in range(n_channels)]
        at += 8 + size + size % 2
    raise ValueError("%s has no data" % path)


def mulaw_wav(samples, rate, n_channels=1):
    return (struct.pack("<4sI4s4sIHHIIHHH", b"RIFF", 38 + len(samples), b"WAVE", b"fmt ", 18, 7, n_channels, rate,
                        rate * n_channels, n_channels, 8, 0)
            + struct.pack("<4sI", b"data", len(samples)) + samples)


def speech_edges(samples, rate, threshold_db):
    """Seconds from the beginning of the samples."""
    n = int(rate * FRAME_SECONDS)
    energy = [sum(map(SQUARES.__getitem__, samples[i:i + n])) for i in range(0, len(samples) - n + 1, n)]
    loud = [e > max(energy) / 10 ** (threshold_db / 10) for e in energy]
    runs = [i for i in range(len(loud) - MIN_RUN + 1) if all(loud[i:i + MIN_RUN])]
    return runs[0] * FRAME_SECONDS, (runs[-1] + MIN_RUN) * FRAME_SECONDS


def inside(parts, start, end):
    return [p for p in parts if start <= (p["start"] + p["end"]) / 2 <= end]


def measure(folder, url):
    """Per utterance: ([edges by energy for each threshold], {source: (start or None, end or None)})"""
    rows = [line.rstrip("\n").split("\t") for line in open(os.path.join(folder, "text.tsv"), encoding="utf-8")]
    recordings = {name: read_channels(os.path.join(folder, name)) for name in {r[0] for r in rows}}
    heard = {(name, c): post(url + "audio/transcriptions", open(os.path.join(folder, name), "rb").read(), [
        ("model", "en-v1"), ("response_format", "verbose_json"), ("timestamp_granularities[]", "word,segment"), ("channel", c)])
        for name, c in sorted({(r[0], r[1]) for r in rows})}
    measured = []
    for name, channel, start, end, _, transcript in rows:
        start, end, (rate, channels) = float(start), float(end), recordings[name]
        samples, said = channels[int(channel)][int(start * rate):int(end * rate)], transcript.lower().split()
        words = inside(heard[name, channel]["words"], start, end)
        segments = inside(heard[name, channel]["segments"], start, end)
        aligned = post(url + "alignments", mulaw_wav(samples, rate), [("model", "en-v1"), ("text", transcript)])["words"]
        edges = {"aligned": (start + aligned[0]["start"], start + aligned[-1]["end"])}
        if words:
            edges["recognised"] = words[0]["start"], words[-1]["end"]
            edges["right"] = (words[0]["start"] if words[0]["word"] == said[0] else None,
                              words[-1]["end"] if words[-1]["word"] == said[-1] else None)
        if segments:
            edges["segments"] = segments[0]["start"], segments[-1]["end"]
        reference = [speech_edges(samples, rate, db) for db in THRESHOLDS_DB]
        measured.append(([(start + a, start + b) for a, b in reference], edges))
    return measured


def summary(errors):
    absolute = sorted(map(abs, errors))
    return {"n": len(errors), "median_s": round(statistics.median(errors), 3),
            "median_absolute_s": round(statistics.median(absolute), 3),
            "p90_absolute_s": round(absolute[min(int(0.9 * len(absolute)), len(absolute) - 1)], 3)}


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    if not os.environ.get("EVAL"):
        print('{"bench":"edges","skipped":"set EVAL to a folder of sets"}')
        return
    with daemon() as url:
        measured = measure(os.path.join(os.environ["EVAL"], "calls"), url)
    for k, db in enumerate(THRESHOLDS_DB):
        for source in ("recognised", "right", "segments", "aligned"):
            line = {"bench": "edges", "source": source, "threshold_db": db, "utterances": len(measured)}
            for side, name in enumerate(("start", "end")):
                line[name] = summary([edges[source][side] - reference[k][side] for reference, edges in measured
                                      if edges.get(source, (None, None))[side] is not None])
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
