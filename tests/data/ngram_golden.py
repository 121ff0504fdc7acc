#!/usr/bin/env python3
"""Goldens of the language model tests, made by KenLM (PyPI: kenlm 0.3.0).

    ngram_golden.py scores ARPA SENTENCES > SCORES.tsv
        per sentence: the sentence, a tab, then log10/order of each word and of </s>

    ngram_golden.py subset ARPA SENTENCES > SMALL.arpa
        the n-grams of ARPA (plain or .gz) whose words all occur in SENTENCES

KenLM's probing model fills in n-grams that are missing between two that are there ("blanks") and
counts them as found; the order written here is that of the longest n-gram which the ARPA file
really lists. The probabilities are KenLM's as they are.
"""
import gzip
import sys


def ngrams_of(path):
    """Yields (words, line), and section headers as (None, line)."""
    opener = gzip.open if path.endswith(".gz") else open
    order = 0
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            fields = line.split()
            if line.startswith("\\") and "-grams:" in line:
                order = int(line[1:line.index("-")])
            elif line.startswith("\\end\\"):
                return
            elif order and fields:
                yield tuple(fields[1:1 + order]), line.rstrip("\n")


def scores(arpa, sentences):
    import kenlm

    model = kenlm.Model(arpa)
    listed = {words for words, _ in ngrams_of(arpa)}
    for sentence in open(sentences, encoding="utf-8"):
        sentence = sentence.strip()
        words = ["<s>"] + [w if (w,) in listed else "<unk>" for w in sentence.split()] + ["</s>"]
        cells = []
        for i, (log10, order, _) in enumerate(model.full_scores(sentence)):
            while order > 1 and tuple(words[i + 2 - order:i + 2]) not in listed:
                order -= 1
            cells.append(f"{log10:.7g}/{order}")
        print(sentence, " ".join(cells), sep="\t")


def subset(arpa, sentences):
    words = {"<s>", "</s>"}
    words.update(w for line in open(sentences, encoding="utf-8") for w in line.split())
    orders = {}
    for ngram, line in ngrams_of(arpa):
        if words.issuperset(ngram):
            orders.setdefault(len(ngram), []).append(line)
    print("\n\\data\\")
    for order, lines in orders.items():
        print(f"ngram {order}={len(lines)}")
    for order, lines in orders.items():
        print(f"\n\\{order}-grams:", *lines, sep="\n")
    print("\n\\end\\")


if __name__ == "__main__":
    {"scores": scores, "subset": subset}[sys.argv[1]](*sys.argv[2:])
