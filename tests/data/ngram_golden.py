#!/usr/bin/env python3
"""Goldens of the language model tests, made by KenLM (PyPI: kenlm 0.3.0).

    ngram_golden.py scores ARPA SENTENCES > SCORES.tsv
        per sentence: the sentence, a tab, then log10/order of each word and of </s>

    ngram_golden.py subset ARPA SENTENCES > SMALL.arpa
        the n-grams of ARPA (plain or .gz) whose words all occur in SENTENCES

    ngram_golden.py pruned > PRUNED.arpa
        a random model of order 5 in which many n-grams lack their suffix or their context

    ngram_golden.py textbook ARPA > SCORES.tsv
        as `scores`, for random sentences, by the definition of back-off alone: the witness for
        pruned models, which KenLM refuses (missing contexts) or gets wrong (missing suffixes: its
        trie was off by up to 0.5 on such models, for one word in some thousands)

KenLM's probing model fills in n-grams that are missing between two that are there ("blanks") and
counts them as found; the order written here is that of the longest n-gram which the ARPA file
really lists. The probabilities are KenLM's as they are.
"""
import gzip
import random
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


def pruned():
    rng = random.Random(5)
    words = ["a", "b", "c", "d", "e", "f", "<unk>"]
    orders = [None, {(w,) for w in words + ["<s>", "</s>"]}]
    for order in range(2, 6):
        contexts = sorted(g for g in orders[order - 1] if g[-1] != "</s>")
        ngrams = {rng.choice(contexts) + (rng.choice(words + ["</s>"]),) for _ in range(80)}
        ngrams |= {tuple(rng.choices(words, k=order)) for _ in range(20)}
        orders.append(ngrams)
    print("\\data\\")
    for order in range(1, 6):
        print(f"ngram {order}={len(orders[order])}")
    for order in range(1, 6):
        print(f"\n\\{order}-grams:")
        for ngram in sorted(orders[order]):
            backoff = rng.choice(["", "\t0", f"\t{-2 * rng.random():.6f}", f"\t{rng.random():.6f}"])
            print(f"{-4 * rng.random():.6f}\t{' '.join(ngram)}{backoff if order < 5 else ''}")
    print("\n\\end\\")


def textbook(arpa):
    probability, backoff = {}, {}
    for words, line in ngrams_of(arpa):
        fields = line.split()
        probability[words] = float(fields[0])
        backoff[words] = float(fields[1 + len(words)]) if len(fields) > 1 + len(words) else 0.0
    longest = max(map(len, probability))

    def score(context, word):
        if context + (word,) in probability:
            return probability[context + (word,)], len(context) + 1
        log10, order = score(context[1:], word)
        return backoff.get(context, 0.0) + log10, order

    rng = random.Random(6)
    pieces = sorted(g for g in probability if not {"<s>", "</s>"} & set(g))
    for _ in range(200):
        sentence = [w for _ in range(rng.randint(1, 5)) for w in rng.choice(pieces)]
        history, cells = ("<s>",), []
        for word in sentence + ["</s>"]:
            log10, order = score(history[1 - longest:], word)
            history += (word,)
            cells.append(f"{log10:.7g}/{order}")
        print(" ".join(sentence), " ".join(cells), sep="\t")


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
    {"scores": scores, "subset": subset, "pruned": pruned, "textbook": textbook}[sys.argv[1]](*sys.argv[2:])
