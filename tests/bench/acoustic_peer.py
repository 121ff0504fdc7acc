#!/usr/bin/env python3
"""acoustic_peer.py BUILD MODEL GRAPH.onnx: audio seconds per processor second of the acoustic network,
by every kernel that this machine has, by ONNX Runtime and by ONNX Runtime's dynamic int8 quantisation
of the same graph. A part of acoustic.sh, whose variables are described there.

All take turns, ROUNDS times, each turn the least of a few runs; what counts is the least of all rounds.
The input is the same: noise of the loudness of features, in the network's own normalisation. One thread:
all on one core. Two: ONNX Runtime divides one batch between two threads, without spinning, which would
cost it processor time; ours run a batch each. The share of peak is of bench_peak's figure for the kernel's
instruction, where every weight of a matrix is a multiplication and an addition at every step."""
import json, os, subprocess, sys, tempfile, time

import numpy as np
import onnxruntime as ort
from onnxruntime.quantization import QuantType, quantize_dynamic

FRAMES, SECONDS = 998, 10.0
BATCHES = [int(b) for b in os.environ.get("BATCHES", "1 4 8 16 32").split()]
THREADS = [int(t) for t in os.environ.get("THREADS", "1 2").split()]
ROUNDS = int(os.environ.get("ROUNDS", "5"))
RUN_SECONDS = 160  # of audio in one turn, or one run


def read_model(folder):
    """config, steps a second of audio, weights of the matrices, per-feature deviation or 1, stacking"""
    config = json.load(open(os.path.join(folder, "config.json")))
    raw = open(os.path.join(folder, "model.safetensors"), "rb").read()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + length])
    header.pop("__metadata__", None)
    tensor = lambda t: np.frombuffer(raw[8 + length:][slice(*t["data_offsets"])],
                                     {"F32": "<f4", "F16": "<f2"}[t["dtype"]]).reshape(t["shape"]).astype("f4")
    weights = sum(int(np.prod(t["shape"])) for t in header.values() if len(t["shape"]) == 2)
    deviation = config["normalisation"]["std"]
    stack = next(l for l in config["layers"] if l["type"] == "stack")
    shift = config["features"]["frame_shift_ms"] / 1000
    return (weights / (shift * stack["stride"]), 1.0 if deviation == "none" else tensor(header[deviation]), stack)


def stacked(features, deviation, stack):
    """[utterances, frames, bins] -> [steps, utterances, bins * stacked], as the network begins"""
    x = (features - features.mean(axis=1, keepdims=True, dtype="f8").astype("f4")) / deviation
    starts = range(0, features.shape[1] - stack["frames"] + 1, stack["stride"])
    return np.ascontiguousarray(np.stack([x[:, s:s + stack["frames"]].reshape(len(x), -1) for s in starts]))


def session(graph, threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def timed(run, runs):
    """least processor seconds of some runs"""
    least = float("inf")
    for _ in range(runs):
        start = time.process_time()
        run()
        least = min(least, time.process_time() - start)
    return least


class Ours:
    def __init__(self, build, model, features, folder):
        path = os.path.join(folder, "features")
        features.tofile(path)
        self.folder = folder
        self.program = subprocess.Popen([f"{build}/tests/bench/bench_acoustic", model, path, folder],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.precisions = dict(line.split() for line in iter(self.program.stdout.readline, "\n"))

    def logits(self, kernel, like):
        return np.fromfile(os.path.join(self.folder, kernel + ".f32"), "<f4").reshape(like.shape)

    def seconds(self, kernel, threads, batch, runs):
        print(kernel, threads, batch, runs, file=self.program.stdin, flush=True)
        return float(self.program.stdout.readline().split()[0])


def peaks(build):
    lines = subprocess.run([f"{build}/tests/bench/bench_peak"], check=True, capture_output=True, text=True).stdout
    return {p["kernel"]: p["gigaoperations_per_second"] for p in map(json.loads, lines.splitlines())}


def show_errors(ours, kernels, quantised, x, reference):
    """That all compute the same: greatest difference of a logit from ONNX Runtime's float32."""
    errors = {k: np.abs(ours.logits(k, reference) - reference).max() for k in kernels}
    errors["onnxruntime-int8"] = np.abs(quantised.run(None, {"x": x})[0] - reference).max()
    for name, error in errors.items():
        print(json.dumps({"bench": "acoustic", "kernel": name, "greatest_logit_difference": float(f"{error:.2g}")}))


def main():
    build, model, graph = sys.argv[1:]
    operations, deviation, stack = read_model(model)
    noise = np.random.default_rng(1).uniform(8, 14, (max(BATCHES), FRAMES, len(np.atleast_1d(deviation))))
    features = noise.astype("<f4")
    x = stacked(features, deviation, stack)
    with tempfile.TemporaryDirectory() as folder:
        quantised = os.path.join(folder, "int8.onnx")
        quantize_dynamic(graph, quantised, per_channel=True, weight_type=QuantType.QInt8)
        ours = Ours(build, model, features, folder)
        wanted = os.environ.get("KERNELS", "").split()
        kernels = [k for k in ours.precisions if (k in wanted if wanted else not k.startswith("portable"))]
        most = peaks(build)
        sessions = {t: (session(graph, t), session(quantised, t)) for t in THREADS}
        f32, int8 = sessions[THREADS[0]]
        show_errors(ours, kernels, int8, x[:, :1], f32.run(None, {"x": x[:, :1]})[0])
        for threads in THREADS:
            for batch in BATCHES:
                audio, runs = batch * SECONDS, max(1, round(RUN_SECONDS / (batch * SECONDS)))
                feed = {"x": np.ascontiguousarray(x[:, :batch])}
                turns = {"ort_" + n: lambda s=s: timed(lambda: s.run(None, feed), runs)
                         for n, s in zip(("f32", "int8"), sessions[threads])}
                turns |= {k: lambda k=k: ours.seconds(k, threads, batch, runs) / threads for k in kernels}
                least = {n: min(times) for n, times in zip(turns, zip(*[[t() for t in turns.values()]
                                                                        for _ in range(ROUNDS)]))}
                speed = {name: audio / seconds for name, seconds in least.items()}
                for k in kernels:
                    done = 2e-9 * operations * speed[k]
                    print(json.dumps({
                        "bench": "acoustic", "precision": ours.precisions[k], "kernel": k, "threads": threads,
                        "batch": batch, "ours": round(speed[k], 1), "ort_f32": round(speed["ort_f32"], 1),
                        "ort_int8": round(speed["ort_int8"], 1), "ratio": round(speed[k] / speed["ort_f32"], 2),
                        "ratio_int8": round(speed[k] / speed["ort_int8"], 2), "gigaoperations": round(done, 1),
                        "share_of_peak": round(done / most[k], 3) if k in most else None}), flush=True)


main()
