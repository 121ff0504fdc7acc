#!/usr/bin/env python3
"""Writes tests/data/layers/*.safetensors: what the layers of model/ should compute.

Each file holds a layer's random weights, a ragged batch x[rows, width] packed utterance after
utterance, the utterances' `lengths`, and y[rows', width'] as an outside witness computes it from the
weights as stored: ONNX Runtime for lstm and linear, one utterance at a time, and plain loops for
stack. Needs numpy, onnx, onnxruntime. The seed is fixed: running it again changes nothing but the
last bits that another release of ONNX Runtime may round otherwise."""
import json
import pathlib
import struct

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

HERE = pathlib.Path(__file__).parent / "layers"
rng = np.random.default_rng(20240229)


def to_bf16(a):
    """float32 -> (stored 16 bits, the float32 that they stand for), rounded to nearest even."""
    bits = a.astype("<f4").view("<u4").astype(np.uint64)
    bits = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")
    return bits, (bits.astype("<u4") << 16).view("<f4")


def stored(a, dtype):
    if dtype == "F32":
        return a.astype("<f4"), a.astype("<f4")
    if dtype == "F16":
        return a.astype("<f2"), a.astype("<f2").astype("<f4")
    return to_bf16(a)


def write(name, weights, dtype, x, lengths, y):
    header, data = {"__metadata__": {"source": "tests/data/layer_golden.py"}}, b""
    entries = [(k, dtype, stored(v, dtype)[0]) for k, v in weights.items()]
    entries += [("x", "F32", np.concatenate(x)), ("y", "F32", np.concatenate(y)),
                ("lengths", "F32", np.array(lengths))]
    for key, kind, a in entries:
        raw = a.tobytes() if kind != "F32" else a.astype("<f4").tobytes()
        header[key] = {"dtype": kind, "shape": list(a.shape),
                       "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    HERE.mkdir(exist_ok=True)
    (HERE / f"{name}.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


def run_onnx(nodes, inputs, initialisers, x, out_shape):
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, inputs)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, out_shape)],
        [helper.make_tensor(k, TensorProto.FLOAT, v.shape, v.astype(np.float32).ravel())
         for k, v in initialisers.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


def iofc(a):
    """PyTorch stacks the gates i, f, g, o; ONNX i, o, f, c, where c is PyTorch's g."""
    i, f, g, o = np.split(a, 4)
    return np.concatenate([i, o, f, g])


def lstm_case(name, dtype, index, width, hidden, directions, lengths):
    weights, W, R, B = {}, [], [], []
    for suffix in [f"_l{index}", f"_l{index}_reverse"][:directions]:
        for leaf, shape in [("weight_ih", (4 * hidden, width)), ("weight_hh", (4 * hidden, hidden)),
                            ("bias_ih", (4 * hidden,)), ("bias_hh", (4 * hidden,))]:
            weights[f"rnn.{leaf}{suffix}"] = rng.uniform(-0.8, 0.8, shape)
        w = {k: stored(v, dtype)[1] for k, v in weights.items()}
        W.append(iofc(w["rnn.weight_ih" + suffix]))
        R.append(iofc(w["rnn.weight_hh" + suffix]))
        B.append(np.concatenate([iofc(w["rnn.bias_ih" + suffix]), iofc(w["rnn.bias_hh" + suffix])]))
    x = [rng.normal(0, 1.5, (t, width)).astype(np.float32) for t in lengths]
    y = []
    for u in x:
        if len(u) == 0:
            y.append(np.zeros((0, directions * hidden)))
            continue
        node = helper.make_node("LSTM", ["x", "W", "R", "B"], ["y"], hidden_size=hidden,
                                direction="bidirectional" if directions == 2 else "forward")
        out = run_onnx([node], [len(u), 1, width],
                       {"W": np.stack(W), "R": np.stack(R), "B": np.stack(B)}, u[:, None, :],
                       [len(u), directions, 1, hidden])
        y.append(out.reshape(len(u), directions * hidden))
    write(name, weights, dtype, x, lengths, y)


def linear_case(name, dtype, width, out, lengths):
    weights = {"head.weight": rng.uniform(-1, 1, (out, width)), "head.bias": rng.uniform(-1, 1, out)}
    w = {k: stored(v, dtype)[1] for k, v in weights.items()}
    x = [rng.normal(0, 1, (t, width)).astype(np.float32) for t in lengths]
    y = []
    for u in x:
        node = helper.make_node("Gemm", ["x", "W", "b"], ["y"], transB=1)
        y.append(run_onnx([node], list(u.shape), {"W": w["head.weight"], "b": w["head.bias"]}, u,
                          [len(u), out]) if len(u) else np.zeros((0, out)))
    write(name, weights, dtype, x, lengths, y)


def stack_case(name, frames, stride, width, lengths):
    x = [rng.normal(0, 1, (t, width)).astype(np.float32) for t in lengths]
    y = []
    for u in x:
        rows = [np.concatenate([u[t + k] for k in range(frames)])
                for t in range(0, len(u), stride) if t + frames <= len(u)]
        y.append(np.array(rows).reshape(len(rows), frames * width))
    write(name, {}, "F32", x, lengths, y)


lstm_case("lstm_uni_f32", "F32", 0, 5, 4, 1, [3, 7, 0, 1, 7])
lstm_case("lstm_bi_f16", "F16", 2, 6, 3, 2, [0, 5, 1, 9, 2, 2, 6])
lstm_case("lstm_bi_bf16_blocks", "BF16", 0, 3, 5, 2, [90, 0, 61, 1, 150, 150, 33])
lstm_case("lstm_bi_one_utterance", "F32", 0, 3, 4, 2, [300])
linear_case("linear_bf16", "BF16", 7, 5, [2, 0, 11])
linear_case("linear_f32", "F32", 16, 29, [1])
stack_case("stack_3_3", 3, 3, 4, [2, 9, 0, 3, 11])
stack_case("stack_4_2", 4, 2, 3, [3, 4, 5, 6, 9])
stack_case("stack_2_5", 2, 5, 2, [1, 2, 7, 12, 14])
