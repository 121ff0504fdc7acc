#!/usr/bin/env bash
# decoder - the beam search against pyctcdecode and flashlight-text: the same log-posteriors, the same
# language model, the same beams, one thread each, one run. Time, then word error rate by sclite, one
# JSON object a line.
#
# EVAL=DIR as for wer.sh (its set read16k, or SET), ARPA=FILE the language model that
# model/en/lm.ngram was compiled from. BEAMS chooses some. Without them there is nothing to compare.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ -z "${EVAL:-}" ] || [ -z "${ARPA:-}" ]; then
    echo '{"bench":"decoder","skipped":"set EVAL to a folder of sets and ARPA to the language model"}'
    exit 0
fi
set=${SET:-read16k}
build=${BUILD:-build/plain}
read -ra beams <<< "${BEAMS:-16 64 128 512}"
venv=build/bench-venv
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

. tests/bench/sclite.sh

if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q pyctcdecode==0.5.0 kenlm==0.3.0 flashlight-text==0.0.7 'numpy<2' >&2
fi
mkdir "$work/posteriors" "$work/texts"
cut -f1 "$EVAL/$set/text.tsv" | sed "s|^|$EVAL/$set/|" |
    xargs "$build/tests/bench/bench_posteriors" "$work/posteriors"
case $ARPA in # KenLM reads .gz only where it was built with zlib
*.gz) gzip -dc "$ARPA" > "$work/lm.arpa" ;;
*) cp "$ARPA" "$work/lm.arpa" ;;
esac

"$build/tests/bench/bench_decoder" "$work/posteriors" "$work/texts/scribed"
"$venv/bin/python" tests/bench/decoder_peers.py "$work/posteriors" "$work/lm.arpa" "$work/texts" \
    "${beams[@]}" 2> "$work/peers.log" || { cat "$work/peers.log" >&2; exit 1; }
for beam in "${beams[@]}"; do
    for decoder in scribed pyctcdecode flashlight-text; do
        texts=$work/texts/$decoder-$beam.tsv
        [ "$decoder" != scribed ] || texts=$work/texts/scribed.$beam.tsv
        printf '{"bench":"decoder","decoder":"%s","beam":%d,"set":"%s",%s}\n' "$decoder" "$beam" "$set" \
            "$(score "$EVAL/$set/text.tsv" "$texts")"
    done
done
