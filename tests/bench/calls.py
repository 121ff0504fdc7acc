#!/usr/bin/env python3
"""calls - long recordings: what cutting them into pieces costs in words, and what an hour takes. JSON, one
object a line.

EVAL=DIR as for edges.py: its set `calls` has text.tsv, file, channel, start, end, speaker, TRANSCRIPT, and
two-channel mu-law WAV.

  turns  each channel of each call is transcribed, and so is each of its utterances by itself, cut by
         hand at the known times. `whole` and `cut_by_hand` are word errors of a channel's words in
         their order, in percent; `ratio` is of the two.
  hour   the calls over and over, both channels, until they last `seconds`: time to the answer, and the
         daemon's peak of resident memory, the upload included.

Needs Python's standard library only."""
import collections, json, os, re, time

from daemon import post, started
from edges import mulaw_wav, read_channels
from scoring import word_errors


def words(url, audio, *fields):
    return post(url + "audio/transcriptions", audio, [("model", "en-v1"), *fields])["text"].split()


def turns(folder, rows, url):
    """{(file, channel): (reference words, errors as a whole, errors cut by hand)}"""
    said, apart = collections.defaultdict(list), collections.defaultdict(list)
    recordings = {name: read_channels(os.path.join(folder, name)) for name in {r[0] for r in rows}}
    for name, channel, start, end, _, transcript in sorted(rows, key=lambda r: float(r[2])):
        rate, channels = recordings[name]
        samples = channels[int(channel)][int(float(start) * rate):int(float(end) * rate)]
        said[name, channel] += transcript.lower().split()
        apart[name, channel] += words(url, mulaw_wav(samples, rate))
    measured = {}
    for (name, channel), reference in sorted(said.items()):
        whole = words(url, open(os.path.join(folder, name), "rb").read(), ("channel", channel))
        measured[name, channel] = len(reference), word_errors(reference, whole), word_errors(reference, apart[name, channel])
    return measured


def turns_line(where, n, whole, by_hand):
    return {"bench": "calls", "what": "turns", **where, "words": n, "whole": round(100 * whole / n, 2),
            "cut_by_hand": round(100 * by_hand / n, 2), "ratio": round(whole / by_hand, 3)}


def looped(folder, names, seconds):
    """Both channels of the calls, again and again, as WAV; its seconds are exact."""
    interleaved = bytearray()
    for name in names:
        rate, channels = read_channels(os.path.join(folder, name))
        call = bytearray(2 * len(channels[0]))
        call[0::2], call[1::2] = channels
        interleaved += call
    n = 2 * rate * seconds
    samples = bytes(interleaved * (n // len(interleaved) + 1))[:n]
    return mulaw_wav(samples, rate, 2)


def resident_mb(process, what):
    status = open("/proc/%d/status" % process.pid, encoding="ascii").read()
    return int(re.search(what + r":\s*(\d+) kB", status).group(1)) // 1024


def hour(folder, names, seconds):
    with started() as (url, process):
        ready = resident_mb(process, "VmRSS")
        audio = looped(folder, names, seconds)
        begin = time.monotonic()
        found = words(url, audio)
        return {"bench": "calls", "what": "hour", "seconds": seconds, "audio_mb": round(len(audio) / 2 ** 20, 1),
                "words": len(found), "answer_s": round(time.monotonic() - begin, 2), "ready_mb": ready,
                "peak_mb": resident_mb(process, "VmHWM")}


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    if not os.environ.get("EVAL"):
        print('{"bench":"calls","skipped":"set EVAL to a folder of sets"}')
        return
    folder = os.path.join(os.environ["EVAL"], "calls")
    rows = [line.rstrip("\n").split("\t") for line in open(os.path.join(folder, "text.tsv"), encoding="utf-8")]
    with started() as (url, _):
        measured = turns(folder, rows, url)
    for (name, channel), result in measured.items():
        print(json.dumps(turns_line({"call": name, "channel": int(channel)}, *result)), flush=True)
    print(json.dumps(turns_line({"call": "all"}, *map(sum, zip(*measured.values())))), flush=True)
    names = sorted({r[0] for r in rows})
    for seconds in (1200, 3600):
        print(json.dumps(hour(folder, names, seconds)), flush=True)


main()
