#!/usr/bin/env python3
"""edges - how far the times of the first and last word of an utterance are from where it begins and
ends, on calls whose utterances were put together at known times. One JSON object.

EVAL=DIR as for wer.sh; its set `calls` has text.tsv: file, channel, start, end, speaker, TRANSCRIPT.
Each channel of each call goes to a daemon of its own; an utterance's words are those of its channel
whose middle lies in it. The utterances are whole recordings with silence at both ends (a median 0.37 s
and 0.40 s by energy), which is most of what is printed: it shows that words are not stretched into
silence, and is not the error of the edges themselves. Needs Python's standard library only."""
import json, os, re, statistics, subprocess, sys, urllib.request, uuid

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
if not os.environ.get("EVAL"):
    print('{"bench":"edges","skipped":"set EVAL to a folder of sets"}')
    sys.exit()
folder = os.path.join(os.environ["EVAL"], "calls")
scribed = os.path.join(os.environ.get("BUILD", "build/plain"), "scribed")


def words(url, path, channel):
    boundary = uuid.uuid4().hex
    fields = {"model": "en-v1", "response_format": "verbose_json", "timestamp_granularities[]": "word", "channel": channel}
    body = b"".join(b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % tuple(
        x.encode() for x in (boundary, name, value)) for name, value in fields.items())
    body += b'--%s\r\nContent-Disposition: form-data; name="file"; filename="call"\r\n\r\n' % boundary.encode()
    body += open(path, "rb").read() + b"\r\n--%s--\r\n" % boundary.encode()
    request = urllib.request.Request(url, body, {"Content-Type": "multipart/form-data; boundary=" + boundary})
    return json.load(urllib.request.urlopen(request))["words"]


daemon = subprocess.Popen([scribed, "serve", "--model", "model/en", "--port", "0"], stderr=subprocess.PIPE, text=True)
try:
    port = None
    for line in daemon.stderr:
        found = re.search(r"msg=listening .*port=(\d+)", line)
        port = found.group(1) if found else port
        if "msg=ready" in line:
            break
    url = "http://127.0.0.1:%s/v1/audio/transcriptions" % port
    rows = [line.rstrip("\n").split("\t") for line in open(os.path.join(folder, "text.tsv"), encoding="utf-8")]
    heard = {key: words(url, os.path.join(folder, key[0]), key[1]) for key in sorted({(r[0], r[1]) for r in rows})}
finally:
    daemon.terminate()
    daemon.wait()

starts, ends, silent = [], [], 0
for name, channel, start, end, _, _ in rows:
    start, end = float(start), float(end)
    inside = [w for w in heard[name, channel] if start <= (w["start"] + w["end"]) / 2 <= end]
    if not inside:
        silent += 1
        continue
    starts.append(inside[0]["start"] - start)
    ends.append(inside[-1]["end"] - end)
median = lambda values: round(statistics.median(values), 3)
print(json.dumps({
    "bench": "edges", "utterances": len(rows), "without_words": silent,
    "first_start_median_s": median(starts), "first_start_median_absolute_s": median(map(abs, starts)),
    "last_end_median_s": median(ends), "last_end_median_absolute_s": median(map(abs, ends))}))
