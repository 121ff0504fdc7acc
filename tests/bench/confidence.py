#!/usr/bin/env python3
"""confidence.py PLOT.svg NAME WORDS REFERENCE [NAME WORDS REFERENCE]...: how honest confidences are.

WORDS is bench_decoder's TEXTS.BEAM.words; REFERENCE lines are FILE<TAB>SPEAKER<TAB>TEXT. A word counts as
right when the alignment of least edits pairs it with the same word. Prints, per set, the expected
calibration error (10 bins of equal width) and normalised cross entropy of the map that is compiled
in, then the map fitted to all sets, with its error when each half of the speakers is judged by a map
fitted to the other half. Draws the reliability of the compiled-in map. Needs numpy."""
import json, sys

import numpy as np

from scoring import references

BINS = 10


def right_words(ref, hyp):
    """For each word of hyp, 1 if the best alignment pairs it with itself."""
    cost = np.zeros((len(ref) + 1, len(hyp) + 1), int)
    cost[:, 0], cost[0] = range(len(ref) + 1), range(len(hyp) + 1)
    for i, r in enumerate(ref, 1):
        for j, h in enumerate(hyp, 1):
            cost[i, j] = min(cost[i - 1, j] + 1, cost[i, j - 1] + 1, cost[i - 1, j - 1] + (r != h))
    right, i, j = [0] * len(hyp), len(ref), len(hyp)
    while i and j:
        if cost[i, j] == cost[i - 1, j - 1] + (ref[i - 1] != hyp[j - 1]):
            right[j - 1] = int(ref[i - 1] == hyp[j - 1])
            i, j = i - 1, j - 1
        elif cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1
    return right


def load(words, ref_path):
    """features [n, 3] (1, logit(share), ln p), right [n], confidence [n], speaker [n]"""
    refs, by_file = references(ref_path), {}
    for line in open(words, encoding="utf-8"):
        name, word, share, posterior, confidence = line.rstrip("\n").split("\t")
        share = min(max(float(share), 1e-2), 1 - 1e-2)
        row = (word, np.log(share / (1 - share)), float(posterior), float(confidence))
        by_file.setdefault(name, []).append(row)
    x, y, c, s = [], [], [], []
    for name, rows in by_file.items():
        for (_, logit, posterior, confidence), ok in zip(rows, right_words(refs[name], [r[0] for r in rows])):
            x.append((1, logit, posterior)), y.append(ok), c.append(confidence), s.append(name.split("-")[0])
    return np.array(x), np.array(y, float), np.array(c), np.array(s)


def fit(x, y):
    """Logistic regression by Newton's method."""
    w = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ w))
        w += np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(len(w)), x.T @ (y - p))
    return w


def in_bins(p):
    return np.minimum((p * BINS).astype(int), BINS - 1)


def calibration_error(p, y):
    return sum(abs((p - y)[in_bins(p) == k].sum()) for k in range(BINS)) / len(y)


def cross_entropy_gain(p, y):
    def entropy(q):
        return -(y * np.log(q) + (1 - y) * np.log(1 - q)).mean()
    return 1 - entropy(np.clip(p, 1e-9, 1 - 1e-9)) / entropy(np.full(len(y), y.mean()))


def plot(path, sets):
    size, left, top, colours = 360, 46, 16, ("#1f6fb2", "#c8551b", "#3a8a3a")
    side = size - left - top
    x, y = (lambda v: left + v * side), (lambda v: top + (1 - v) * side)
    text = '<text x="%g" y="%g" text-anchor="%s" fill="%s">%s</text>'
    svg = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">' % (size, size),
           '<rect width="100%" height="100%" fill="white"/>',
           '<path d="M%g %gV%gH%g" stroke="#444" fill="none"/>' % (x(0), y(1), y(0), x(1)),
           '<path d="M%g %gL%g %g" stroke="#999" stroke-dasharray="4"/>' % (x(0), y(0), x(1), y(1)),
           text % (x(.5), size - 8, "middle", "black", "confidence of the word"),
           '<text transform="translate(13 %g) rotate(-90)" text-anchor="middle">share of the words that are right</text>' % y(.5),
           text % (x(1), y(.05), "end", "#666", "dashed: as it should be; area: how many words")]
    for v in (0, .2, .4, .6, .8, 1):
        svg.append('<path d="M%g %gv4M%g %gh-4" stroke="#444"/>' % (x(v), y(0), x(0), y(v)))
        svg.append(text % (x(v), y(0) + 16, "middle", "black", "%g" % v))
        svg.append(text % (x(0) - 7, y(v) + 4, "end", "black", "%g" % v))
    for k, (name, p, right) in enumerate(sets):
        inside = [in_bins(p) == b for b in range(BINS) if (in_bins(p) == b).any()]
        points = [(x(p[i].mean()), y(right[i].mean()), 2 + 10 * np.sqrt(i.mean())) for i in inside]
        svg.append('<polyline fill="none" stroke="%s" points="%s"/>' % (colours[k], " ".join("%.1f,%.1f" % point[:2] for point in points)))
        svg += ['<circle cx="%.1f" cy="%.1f" r="%.1f" fill="%s" fill-opacity="0.8"/>' % (*point, colours[k]) for point in points]
        svg.append(text % (x(0) + 12, y(1) + 4 + 15 * (k + 1), "start", colours[k], "%s, error %.3f" % (name, calibration_error(p, right))))
    open(path, "w").write("\n".join(svg + ["</svg>\n"]))


sets = [(sys.argv[i],) + load(sys.argv[i + 1], sys.argv[i + 2]) for i in range(2, len(sys.argv) - 2, 3)]
for name, x, y, c, _ in sets:
    print(json.dumps({"bench": "confidence", "set": name, "words": len(y), "right": round(y.mean(), 4),
                      "calibration_error": round(calibration_error(c, y), 4),
                      "cross_entropy_gain": round(cross_entropy_gain(c, y), 4)}))
x, y, s = (np.concatenate([part[k] for part in sets]) for k in (1, 2, 4))
names, held_out = sorted(set(s)), np.zeros(len(y))
for half in (names[::2], names[1::2]):
    test = np.isin(s, half)
    held_out[test] = 1 / (1 + np.exp(-x[test] @ fit(x[~test], y[~test])))
print(json.dumps({"bench": "confidence", "fitted_to": "all sets",
                  **dict(zip(("bias", "share_weight", "posterior_weight"), np.round(fit(x, y), 4))),
                  "held_out_calibration_error": round(calibration_error(held_out, y), 4),
                  "held_out_cross_entropy_gain": round(cross_entropy_gain(held_out, y), 4)}))
plot(sys.argv[1], [(name, c, y) for name, _, y, c, _ in sets])
