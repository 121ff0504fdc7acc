#!/usr/bin/env python3
"""decoder_peers.py POSTERIORS ARPA OUT BEAM...: the peers' beam searches on stored log-posteriors.
decoder_peers.py --tune POSTERIORS ARPA TEXT.tsv: the word error rate of each peer over a grid of weights.

POSTERIORS is a folder of NAME.f32 files, [frames, tokens] little-endian float32 log-posteriors, with
tokens.json ({"tokens": [...], "blank": N, "word_separator": N, "frame_seconds": S}). For each peer
and beam, texts go to OUT/PEER-BEAM.tsv (NAME<TAB>text) and one JSON object with the time, the least of
RUNS (1), to standard output. Needs pyctcdecode, kenlm and flashlight-text from PyPI
(tests/bench/decoder.sh installs them). What is not a weight is as their authors have it.

WEIGHTS are the best of --tune's grid at beam 64 on read16k, the set that decoder.sh compares on, so
they are tuned as ours are, and to this one set, while ours are to two. TEXT.tsv is file, speaker,
TRANSCRIPT. Of equally good weights the first stands."""
import json, math, multiprocessing, os, sys, time

import numpy as np

from scoring import references, unigrams, word_errors

# Weight of the language model's log10 score, bonus for each word (natural log for pyctcdecode).
WEIGHTS = {"pyctcdecode": (1.4, 0.0), "flashlight-text": (1.8, -2.0)}
GRID_WEIGHTS, GRID_BONUSES, GRID_BEAM = (1.0, 1.4, 1.8, 2.2, 2.6), (-4.0, -3.0, -2.0, -1.0, -0.5, 0.0, 0.5), 64


def load_posteriors(folder):
    """tokens.json's content, names, matrices"""
    info = json.load(open(os.path.join(folder, "tokens.json")))
    names = sorted(n[:-4] for n in os.listdir(folder) if n.endswith(".f32"))
    return info, names, [np.fromfile(os.path.join(folder, n + ".f32"), "<f4").reshape(-1, len(info["tokens"]))
                         for n in names]


def pyctcdecode_peer(info, arpa, words):
    """Each peer is a function of beam, weight and bonus that gives a function from posteriors to text."""
    from pyctcdecode import build_ctcdecoder
    labels = ["" if i == info["blank"] else " " if i == info["word_separator"] else t
              for i, t in enumerate(info["tokens"])]
    decoder = build_ctcdecoder(labels, arpa, words)

    def with_weights(beam, weight, bonus):
        decoder.reset_params(alpha=weight / math.log(10), beta=bonus)
        return lambda p: decoder.decode(p, beam_width=beam)
    return with_weights


def flashlight_peer(info, arpa, words):
    from flashlight.lib.text.decoder import (CriterionType, KenLM, LexiconDecoder,
                                             LexiconDecoderOptions, SmearingMode, Trie)
    from flashlight.lib.text.dictionary import create_word_dict
    tokens, separator = info["tokens"], info["word_separator"]
    index = {t: i for i, t in enumerate(tokens)}
    lexicon = {w: [list(w) + [tokens[separator]]] for w in words if all(c in index for c in w)}
    word_dict = create_word_dict({**lexicon, "<unk>": [[]]})
    lm = KenLM(arpa, word_dict)
    trie = Trie(len(tokens), separator)
    start = lm.start(False)
    for word, spellings in lexicon.items():
        score = lm.score(start, word_dict.get_index(word))[1]
        for spelling in spellings:
            trie.insert([index[c] for c in spelling], word_dict.get_index(word), score)
    trie.smear(SmearingMode.MAX)

    def with_weights(beam, weight, bonus):
        options = LexiconDecoderOptions(beam_size=beam, beam_size_token=len(tokens), beam_threshold=25.0,
                                        lm_weight=weight, word_score=bonus, unk_score=-math.inf,
                                        sil_score=0.0, log_add=False, criterion_type=CriterionType.CTC)
        decoder = LexiconDecoder(options, trie, lm, separator, info["blank"],
                                 word_dict.get_index("<unk>"), [], False)

        def decode(p):
            p = np.ascontiguousarray(p)
            best = decoder.decode(p.ctypes.data, p.shape[0], p.shape[1])[0]
            return " ".join(word_dict.get_entry(w) for w in best.words if w >= 0)
        return decode
    return with_weights


PEERS = {"pyctcdecode": pyctcdecode_peer, "flashlight-text": flashlight_peer}


def errors_at(point):
    """Of the peer that tune() has built before it forked."""
    decode = tune.peer(GRID_BEAM, *point)
    return sum(word_errors(r, decode(p).split()) for r, p in tune.recordings)


def tune(folder, arpa, reference):
    info, names, posteriors = load_posteriors(folder)
    texts = references(reference)
    tune.recordings = [(texts[name], p) for name, p in zip(names, posteriors)]
    n_words = sum(len(texts[name]) for name in names)
    grid = [(weight, bonus) for weight in GRID_WEIGHTS for bonus in GRID_BONUSES]
    for name, build in PEERS.items():
        tune.peer = build(info, arpa, list(unigrams(arpa)))
        with multiprocessing.get_context("fork").Pool() as pool:
            for (weight, bonus), errors in zip(grid, pool.imap(errors_at, grid)):
                print(json.dumps({"bench": "decoder-tuning", "decoder": name, "beam": GRID_BEAM, "weight": weight,
                                  "bonus": bonus, "wer": round(100 * errors / n_words, 2)}), flush=True)


def measure(folder, arpa, out, beams):
    """One thread for everybody: pyctcdecode and flashlight have none of their own in decode()."""
    info, names, posteriors = load_posteriors(folder)
    audio_seconds = sum(len(p) for p in posteriors) * info["frame_seconds"]
    for name, build in PEERS.items():
        peer = build(info, arpa, list(unigrams(arpa)))
        for beam in beams:
            decode, best = peer(beam, *WEIGHTS[name]), math.inf
            for _ in range(int(os.environ.get("RUNS", "1"))):
                start = time.process_time()
                texts = [decode(p) for p in posteriors]
                best = min(best, 1000 * (time.process_time() - start))
            with open(os.path.join(out, "%s.%d.tsv" % (name, beam)), "w") as f:
                f.writelines("%s\t%s\n" % pair for pair in zip(names, texts))
            print(json.dumps({"decoder": name, "beam": beam,
                              "ms_per_audio_second": round(best / audio_seconds, 4)}), flush=True)


if sys.argv[1] == "--tune":
    tune(*sys.argv[2:5])
else:
    measure(*sys.argv[1:4], [int(b) for b in sys.argv[4:]])
