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

# trn FIELD... - "TEXT (speaker-file)" lines, as sclite wants them, from file<TAB>speaker<TAB>text
trn() { awk -F'\t' '{f = $1; sub(/\.[a-z0-9]+$/, "", f); print toupper($3) " (" $2 "-" f ")"}'; }

for set in ${SETS:-$(cd "$EVAL" && ls)}; do
    [ -f "$EVAL/$set/text.tsv" ] || continue
    [ "$(head -n 1 "$EVAL/$set/text.tsv" | awk -F'\t' '{print NF}')" = 3 ] || continue
    trn < "$EVAL/$set/text.tsv" > "$work/ref.trn"
    for decoder in ${DECODERS:-greedy beam}; do
        start=$(date +%s.%N)
        cut -f1 "$EVAL/$set/text.tsv" | sed "s|^|$EVAL/$set/|" |
            xargs "$scribed" transcribe --model "${MODEL:-model/en}" --decoder "$decoder" \
                --format tsv 2> "$work/log" > "$work/hyp.tsv" || { cat "$work/log" >&2; exit 1; }
        end=$(date +%s.%N)
        # file<TAB>text -> file<TAB>speaker<TAB>text
        awk -F'\t' 'NR == FNR {speaker[$1] = $2; next}
                    {n = split($1, path, "/"); print path[n] "\t" speaker[path[n]] "\t" $2}' \
            "$EVAL/$set/text.tsv" "$work/hyp.tsv" | trn > "$work/hyp.trn"
        sctk sclite -r "$work/ref.trn" trn -h "$work/hyp.trn" trn -i rm -o rsum -O "$work" -n sys > /dev/null
        # | Sum | utterances words | correct sub del ins errors sentence-errors |
        awk -v set="$set" -v decoder="$decoder" -v start="$start" -v end="$end" -F'|' \
            '$2 ~ /^ *Sum *$/ {split($3, n, " "); split($4, e, " ")
             printf "{\"bench\":\"wer\",\"set\":\"%s\",\"decoder\":\"%s\",\"utterances\":%d,\"words\":%d,", set, decoder, n[1], n[2]
             printf "\"substitutions\":%d,\"deletions\":%d,\"insertions\":%d,\"wer\":%.2f,\"seconds\":%.1f}\n", e[2], e[3], e[4], 100 * e[5] / n[2], end - start}' \
            "$work/sys.raw"
    done
done
