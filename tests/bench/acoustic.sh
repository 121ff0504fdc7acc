#!/usr/bin/env bash
# acoustic - the acoustic network against ONNX Runtime: the same weights, the same input, taking turns
# in one run, 10 s utterances. Audio seconds per processor second of every kernel that this machine has
# (the portable ones excepted), the ratio to ONNX Runtime's float32 and to its dynamic int8 quantisation,
# and the share of what the core can do at most. One JSON object a line.
#
# MAKE_ONNX=SCRIPT writes the graph: SCRIPT MODEL OUT.onnx, standard LSTM nodes over stacked, normalised
# features x[T,B,X]. MODEL (model/en), BATCHES, THREADS, KERNELS (of kernel names) and ROUNDS choose.
# Without MAKE_ONNX there is nothing to compare.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ -z "${MAKE_ONNX:-}" ]; then
    echo '{"bench":"acoustic","skipped":"set MAKE_ONNX to a script that writes a model as an ONNX graph"}'
    exit 0
fi
model=${MODEL:-model/en}
venv=build/bench-acoustic-venv
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q onnxruntime==1.32.0 onnx==1.23.2 'numpy<2' >&2
fi
# Quiet, unless it fails.
"$venv/bin/python" "$MAKE_ONNX" "$model" "$work/f32.onnx" > "$work/log" 2>&1 ||
    { cat "$work/log" >&2; exit 1; }
"$venv/bin/python" tests/bench/acoustic_peer.py "${BUILD:-build/plain}" "$model" "$work/f32.onnx" \
    2> "$work/log" || { cat "$work/log" >&2; exit 1; }
