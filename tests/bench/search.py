#!/usr/bin/env python3
"""search - how well POST /v1/search finds what was said, over thresholds of the score: what min_score's
default was chosen from. JSON, one object a line.

EVAL=DIR as for wer.sh (its sets SETS, read16k and phone8k). The phrases are WORDS (300) single words of
four letters or more and PAIRS (200) of two words in a row, evenly from all that the references have, in
the order of the alphabet. All are looked for in all recordings. A phrase is said as often as the
reference has its words one after the other; of its hits in a recording, that many of the best are right
and the others false, so that a hit at the wrong place of the right recording passes for right: for
phrases as rare as most of these that hardly happens. `transcript` is what is found by reading the
transcript instead."""
import json, os

from daemon import daemon, post
from scoring import references

LEAST, THRESHOLDS = 0.02, (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def evenly(candidates, n):
    candidates = sorted(candidates)
    return [candidates[i * len(candidates) // n] for i in range(min(n, len(candidates)))]


def choose(texts):
    """{kind: phrases}"""
    words = {w for text in texts for w in text if len(w) >= 4}
    pairs = {" ".join(pair) for text in texts for pair in zip(text, text[1:])}
    return {"words": evenly(words, int(os.environ.get("WORDS", "300"))),
            "pairs": evenly(pairs, int(os.environ.get("PAIRS", "200")))}


def count(phrase, text):
    phrase = phrase.split()
    return sum(text[i:i + len(phrase)] == phrase for i in range(len(text) - len(phrase) + 1))


def figures(said, right, false):
    recall, precision = right / said, right / max(right + false, 1)
    return {"said": said, "right": right, "false": false, "recall": round(recall, 3), "precision": round(precision, 3),
            "f1": round(2 * recall * precision / max(recall + precision, 1e-9), 3)}


def measure(url, folder):
    reference = references(os.path.join(folder, "text.tsv"))
    phrases = choose(reference.values())
    scores = {kind: ([], []) for kind in phrases}  # of right hits, of false ones
    read = {kind: [0, 0, 0] for kind in phrases}   # said, right in the transcript, false there
    for file in sorted(f for f in os.listdir(folder) if f != "text.tsv"):
        audio, said = open(os.path.join(folder, file), "rb").read(), reference[file.rsplit(".", 1)[0]]
        text = post(url + "audio/transcriptions", audio, [("model", "en-v1")])["text"].split()
        found = {}
        for hit in post(url + "search", audio, [("model", "en-v1"), ("min_score", LEAST)]
                        + [("phrases[]", p) for kind in phrases.values() for p in kind])["hits"]:
            found.setdefault(hit["phrase"], []).append(hit["score"])
        for kind, list_ in phrases.items():
            for phrase in list_:
                n, n_read, hits = count(phrase, said), count(phrase, text), sorted(found.get(phrase, []), reverse=True)
                scores[kind][0].extend(hits[:n])
                scores[kind][1].extend(hits[n:])
                read[kind] = [a + b for a, b in zip(read[kind], (n, min(n, n_read), max(0, n_read - n)))]
    return {kind: (len(phrases[kind]), read[kind], *scores[kind]) for kind in phrases}


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    if not os.environ.get("EVAL"):
        print('{"bench":"search","skipped":"set EVAL to a folder of sets"}')
        return
    with daemon() as url:
        for name in os.environ.get("SETS", "read16k phone8k").split():
            for kind, (n, read, right, false) in measure(url, os.path.join(os.environ["EVAL"], name)).items():
                line = {"bench": "search", "set": name, "kind": kind, "phrases": n}
                print(json.dumps({**line, "transcript": True, **figures(*read)}), flush=True)
                for least in THRESHOLDS:
                    print(json.dumps({**line, "min_score": least, **figures(
                        read[0], sum(s >= least for s in right), sum(s >= least for s in false))}), flush=True)


main()
