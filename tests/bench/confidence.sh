#!/usr/bin/env bash
# confidence - how honest the confidences are, and the map that would fit best; draws
# tests/bench/reliability.svg anew. One JSON object a line.
#
# EVAL=DIR as for wer.sh (its sets SETS, read16k and phone8k), BEAM the beam width (the model's own).
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ -z "${EVAL:-}" ]; then
    echo '{"bench":"confidence","skipped":"set EVAL to a folder of sets"}'
    exit 0
fi
export BEAM=${BEAM:-128} RUNS=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

. tests/bench/prepare.sh

arguments=()
for set in ${SETS:-read16k phone8k}; do
    posteriors "$set" "$work/$set"
    "$build/tests/bench/bench_decoder" "$work/$set" "$work/$set" > "$work/log"
    arguments+=("$set" "$work/$set.$BEAM.words" "$EVAL/$set/text.tsv")
done
python tests/bench/confidence.py tests/bench/reliability.svg "${arguments[@]}"
