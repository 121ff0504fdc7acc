# prepare.sh - what the scripts here that look at the decoder need; source it. Needs $EVAL.
# shellcheck shell=bash
build=${BUILD:-build/plain}
venv=build/bench-venv

# python ARGUMENT... - with numpy and the peers, from PyPI; installed at the first use.
python() {
    if [ ! -x "$venv/bin/python" ]; then
        python3 -m venv "$venv"
        "$venv/bin/pip" install -q pyctcdecode==0.5.0 kenlm==0.3.0 flashlight-text==0.0.7 'numpy<2' >&2
    fi
    "$venv/bin/python" "$@"
}

# posteriors SET FOLDER - the shipped model's, of all recordings of the set
posteriors() {
    mkdir -p "$2"
    cut -f1 "$EVAL/$1/text.tsv" | sed "s|^|$EVAL/$1/|" | xargs "$build/tests/bench/bench_posteriors" "$2"
}
