#!/usr/bin/env bash
# wer - word error rate of the shipped model with NIST sclite, one JSON object a line.
#
# EVAL=DIR has one folder a set (read16k, phone8k, ...), each with text.tsv: file, speaker,
# TRANSCRIPT. SETS and DECODERS choose some of them; MODEL another model. Without EVAL there is
# nothing to measure, and the one line says so.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ -z "${EVAL:-}" ]; then
    echo '{"bench":"wer","skipped":"set EVAL to a folder of sets, each with text.tsv and its recordings"}'
    exit 0
fi
scribed=${BUILD:-build/plain}/scribed
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

. tests/bench/sclite.sh

for set in ${SETS:-$(cd "$EVAL" && ls)}; do
    [ -f "$EVAL/$set/text.tsv" ] || continue
    [ "$(head -n 1 "$EVAL/$set/text.tsv" | awk -F'\t' '{print NF}')" = 3 ] || continue
    for decoder in ${DECODERS:-greedy beam}; do
        start=$(date +%s.%N)
        cut -f1 "$EVAL/$set/text.tsv" | sed "s|^|$EVAL/$set/|" |
            xargs "$scribed" transcribe --model "${MODEL:-model/en}" --decoder "$decoder" \
                --format tsv 2> "$work/log" > "$work/hyp.tsv" || { cat "$work/log" >&2; exit 1; }
        end=$(date +%s.%N)
        printf '{"bench":"wer","set":"%s","decoder":"%s",%s,"seconds":%.1f}\n' "$set" "$decoder" \
            "$(score "$EVAL/$set/text.tsv" "$work/hyp.tsv")" "$(awk "BEGIN {print $end - $start}")"
    done
done
