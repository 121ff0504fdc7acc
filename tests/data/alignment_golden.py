#!/usr/bin/env python3
"""alignment_golden.py > alignment_golden.inc: the log-probability of what was really said in the
recordings of golden/, by PyTorch's ctc_loss in float64 on the logits stored there; and of a text
that was not said. Needs numpy and torch; run it in this directory."""
import numpy as np
import torch

TOKENS = ["<blank>", " ", *"abcdefghijklmnopqrstuvwxyz'"]
LOUDER = "come to me men here here he raised his voice still louder"
SAID = [
    ("read16k.61-70968-0025.flac", LOUDER),
    ("phone8k.61-70968-0025.wav", LOUDER),
    ("read16k.4077-13751-0001.flac",
     "if origin was small a germ an insignificant seed hardly to be thought of as likely to arouse "
     "opposition"),
    ("read16k.4077-13751-0001.flac", "a quick brown fox"),
]
print("/* Written by alignment_golden.py with PyTorch %s. */" % torch.__version__.split("+")[0])
for recording, text in SAID:
    logits = torch.from_numpy(np.load(f"golden/{recording}.logits.npy")).double()
    labels = torch.tensor([[TOKENS.index(c) for c in text]])
    loss = torch.nn.functional.ctc_loss(
        torch.log_softmax(logits, -1)[:, None], labels, torch.tensor([len(logits)]),
        torch.tensor([len(text)]), blank=0, reduction="none")[0].item()
    print('{"%s", "%s", %.9g},' % (recording, text, -loss))
