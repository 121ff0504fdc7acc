#!/usr/bin/env bash
# decoder - the beam search against pyctcdecode and flashlight-text: the same log-posteriors, the same
# language model, the same beams, one thread each, one run. CPU milliseconds per second of audio (the
# least of RUNS, the same number for all), word error rate by sclite, how many times as long each peer
# takes as we do, and what phrases cost us. One JSON object a line.
#
# EVAL=DIR as for wer.sh (its set read16k, or SET), ARPA=FILE the language model that
# model/en/lm.ngram was compiled from. BEAMS chooses some. Without them there is nothing to compare.
# TUNE=1: no comparison, but the grid that the peers' weights come from.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ -z "${EVAL:-}" ] || [ -z "${ARPA:-}" ]; then
    echo '{"bench":"decoder","skipped":"set EVAL to a folder of sets and ARPA to the language model"}'
    exit 0
fi
set=${SET:-read16k}
read -ra beams <<< "${BEAMS:-16 64 128 512}"
export RUNS=${RUNS:-3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

. tests/bench/sclite.sh
. tests/bench/prepare.sh

# Quiet, unless it fails.
peers() {
    python tests/bench/decoder_peers.py "$@" 2> "$work/peers.log" ||
        { cat "$work/peers.log" >&2; exit 1; }
}

mkdir "$work/texts"
posteriors "$set" "$work/posteriors"
case $ARPA in # KenLM reads .gz only where it was built with zlib
*.gz) gzip -dc "$ARPA" > "$work/lm.arpa" ;;
*) cp "$ARPA" "$work/lm.arpa" ;;
esac
if [ -n "${TUNE:-}" ]; then
    peers --tune "$work/posteriors" "$work/lm.arpa" "$EVAL/$set/text.tsv"
    exit 0
fi

for beam in "${beams[@]}"; do
    BEAM=$beam "$build/tests/bench/bench_decoder" "$work/posteriors" "$work/texts/scribed"
done > "$work/ours"
peers "$work/posteriors" "$work/lm.arpa" "$work/texts" "${beams[@]}" > "$work/theirs"

# milliseconds FILE PATTERN... - of the line that has all the patterns
milliseconds() {
    local lines
    lines=$(cat "$1")
    for pattern in "${@:2}"; do lines=$(grep -F "$pattern" <<< "$lines"); done
    sed -n '1s/.*"ms_per_audio_second": *\([0-9.]*\).*/\1/p' <<< "$lines"
}
ratio() { awk "BEGIN {printf \"%.2f\", $1 / $2}"; }

for beam in "${beams[@]}"; do
    ours=$(milliseconds "$work/ours" "\"beam\":$beam," '"phrases":0,')
    for decoder in scribed pyctcdecode flashlight-text; do
        ms=$ours
        [ "$decoder" = scribed ] || ms=$(milliseconds "$work/theirs" "\"$decoder\"" "\"beam\": $beam,")
        printf '{"bench":"decoder","decoder":"%s","beam":%d,"set":"%s",%s,"ms_per_audio_second":%s,"times_ours":%s}\n' \
            "$decoder" "$beam" "$set" "$(score "$EVAL/$set/text.tsv" "$work/texts/$decoder.$beam.tsv")" \
            "$ms" "$(ratio "$ms" "$ours")"
    done
    for phrases in 200 1000; do
        ms=$(milliseconds "$work/ours" "\"beam\":$beam," "\"phrases\":$phrases,")
        printf '{"bench":"decoder","decoder":"scribed","beam":%d,"set":"%s","phrases":%d,"ms_per_audio_second":%s,"times_no_phrases":%s}\n' \
            "$beam" "$set" "$phrases" "$ms" "$(ratio "$ms" "$ours")"
    done
done
