"""scoring.py - references and word errors for benchmarks written in Python; what is published as a word
error rate comes from sclite (sclite.sh)."""
import gzip


def references(path):
    """{name: words} of a text.tsv of FILE<TAB>SPEAKER<TAB>TEXT; the name is FILE's without its ending."""
    rows = (line.rstrip("\n").split("\t") for line in open(path, encoding="utf-8"))
    return {row[0].rsplit(".", 1)[0]: row[2].lower().split() for row in rows}


def unigrams(path):
    """{word: log10 probability} of an ARPA file, which may be a .gz"""
    found, inside = {}, False
    for line in (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8"):
        if line.startswith("\\"):
            if inside:
                break
            inside = line.startswith("\\1-grams:")
        elif inside and line.strip():
            probability, word = line.split()[:2]
            found[word] = float(probability)
    return {w: p for w, p in found.items() if w not in ("<s>", "</s>", "<unk>")}


def word_errors(reference, text):
    previous = list(range(len(text) + 1))
    for i, r in enumerate(reference, 1):
        row = [i]
        for j, h in enumerate(text, 1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (r != h)))
        previous = row
    return previous[-1]
