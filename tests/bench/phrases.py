#!/usr/bin/env python3
"""phrases - what rare words given as phrases do: how many of them are recognised, how many are where they
were not said, and the word error rate, without phrases and at several weights. JSON, one object a line.

EVAL=DIR as for wer.sh (its sets SETS, read16k and phone8k), ARPA=FILE (not compressed, or .gz) the language
model that model/en/lm.ngram was compiled from. The phrases are the PHRASES (200) rarest words of the
references of every second recording (by name, from the first): those that the language model does not
know, then those of the least unigram probability; of equal ones in the order of the alphabet. What
is recognised is counted on these recordings (`with`), what is not there on the others (`without`), in
whose references the words are rare too: where one has such a word, that is not counted as false.
An occurrence is a word in a recording, as often as the reference (and the text) has it.

Measured (recall with, false without; weight 0 -> 4, the default): PHRASES=40, mostly names, read16k 0.07 -> 0.21,
0 -> 0, phone8k 0.02 -> 0.14, 0 -> 0; PHRASES=200, many of them plain words, read16k 0.45 -> 0.62, 2 -> 7, phone8k
0.37 -> 0.52, 1 -> 9 (at weight 2: 0.54, 4 and 0.45, 3). Long lists want a smaller weight."""
import json, os, subprocess, tempfile

from collections import Counter

from scoring import references, unigrams, word_errors

WEIGHTS = (2, 4, 6, 8)


def transcribe(files, phrases, weight):
    """{name: words}; without phrases where the weight is 0"""
    scribed = os.path.join(os.environ.get("BUILD", "build/plain"), "scribed")
    with tempfile.NamedTemporaryFile("w", suffix=".phrases") as list_file:
        list_file.writelines("%s\t%d\n" % (p, weight) for p in phrases if weight)
        list_file.flush()
        extra = ["--phrases", list_file.name] if weight else []
        output = subprocess.run([scribed, "transcribe", "--model", "model/en", "--format", "tsv", *extra, *files],
                                check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    rows = (line.split("\t") for line in output.splitlines())
    return {os.path.basename(path).rsplit(".", 1)[0]: text.split() for path, text in rows}


def rarest(references_of, probabilities, n):
    words = {w for words in references_of for w in words}
    return sorted(words, key=lambda w: (probabilities.get(w, -99.0), w))[:n]


def occurrences(phrases, reference, text):
    """said, said and recognised, not said"""
    r, t = Counter(w for w in reference if w in phrases), Counter(w for w in text if w in phrases)
    return sum(r.values()), sum((r & t).values()), sum((t - r).values())


def summary(names, reference, texts, phrases):
    said, right, false = map(sum, zip(*(occurrences(phrases, reference[n], texts[n]) for n in names)))
    errors = sum(word_errors(reference[n], texts[n]) for n in names)
    return {"recordings": len(names), "said": said, "recognised": right, "recall": round(right / said, 3) if said else None,
            "false": false, "wer": round(100 * errors / sum(len(reference[n]) for n in names), 2)}


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    if not os.environ.get("EVAL") or not os.environ.get("ARPA"):
        print('{"bench":"phrases","skipped":"set EVAL to a folder of sets and ARPA to the language model"}')
        return
    probabilities = unigrams(os.environ["ARPA"])
    for name in os.environ.get("SETS", "read16k phone8k").split():
        folder = os.path.join(os.environ["EVAL"], name)
        reference = references(os.path.join(folder, "text.tsv"))
        files = sorted(os.path.join(folder, f) for f in os.listdir(folder) if f != "text.tsv")
        recordings = sorted(reference)
        phrases = rarest([reference[r] for r in recordings[::2]], probabilities, int(os.environ.get("PHRASES", "200")))
        for weight in (0, *WEIGHTS):
            texts = transcribe(files, phrases, weight)
            print(json.dumps({"bench": "phrases", "set": name, "phrases": len(phrases), "weight": weight,
                              "unknown_to_lm": sum(p not in probabilities for p in phrases),
                              "with": summary(recordings[::2], reference, texts, set(phrases)),
                              "without": summary(recordings[1::2], reference, texts, set(phrases))}), flush=True)


main()
