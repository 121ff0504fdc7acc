#!/usr/bin/env python3
"""ctc_align_golden.py > ctc_align_golden.inc: random CTC problems and PyTorch's answer.

PyTorch's ctc_loss in float64 is the witness; needs numpy and torch. The posteriors are stored as
float32 log-probabilities and PyTorch is given those same values, so that only the sum over paths
is compared. Cases hold repeated labels, an empty text, and texts that cannot fit."""
import numpy as np
import torch

rng = np.random.default_rng(20261123)
CASES = [  # frames, tokens, labels
    (1, 3, []), (1, 3, [1]), (1, 3, [1, 2]), (2, 3, [1, 1]), (3, 3, [1, 1]), (4, 5, [1, 2, 2]),
    (9, 6, [5, 5, 5]), (12, 5, [4, 3, 3, 2, 1]), (30, 8, [1, 2, 3, 4, 5, 6, 7, 7, 6, 5]),
    (7, 4, [1, 2, 1, 2, 1, 2, 1]), (8, 4, [2, 2, 2, 2]), (25, 4, []),
]
print("/* Written by ctc_align_golden.py with PyTorch %s. */" % torch.__version__.split("+")[0])
for k, (frames, tokens, labels) in enumerate(CASES):
    logits = rng.normal(scale=3.0, size=(frames, tokens)).astype(np.float32)
    lp = torch.log_softmax(torch.from_numpy(logits), -1)
    loss = torch.nn.functional.ctc_loss(
        lp.double()[:, None], torch.tensor([labels], dtype=torch.long), torch.tensor([frames]),
        torch.tensor([len(labels)]), blank=0, reduction="none")[0].item()
    values = ", ".join("%.9gf" % v if "." in "%.9g" % v else "%.9g.0f" % v
                       for v in lp.numpy().ravel())
    print("static const float posteriors_%d[] = {%s};" % (k, values))
    print("static const uint32_t labels_%d[] = {%s};" % (k, ", ".join("%du" % x for x in labels) or "0u"))
    total = "-INFINITY" if np.isinf(loss) else "%.12g" % -loss
    print("#define CASE_%d {posteriors_%d, %d, %d, labels_%d, %d, %s}" % (k, k, frames, tokens, k, len(labels), total))
print("#define CASES {%s}" % ", ".join("CASE_%d" % k for k in range(len(CASES))))
