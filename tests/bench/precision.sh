#!/usr/bin/env bash
# precision - what each precision of the network costs in word errors: wer.sh (its variables apply)
# once for each, with the precision added to its lines. A model's config lists under "precisions"
# those whose lines do not differ here.
set -euo pipefail
cd "$(dirname "$0")/../.."
for precision in f32 bf16 int8; do
    SCRIBED_PRECISION=$precision tests/bench/wer.sh |
        sed "s/{\"bench\":\"wer\"/{\"bench\":\"precision\",\"precision\":\"$precision\"/"
done
