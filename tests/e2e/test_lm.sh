#!/usr/bin/env bash
# test_lm.sh - `scribed lm` from the outside. The expected scores are what KenLM's own `query`
# printed for the same ARPA file and text (tests/data/README.md).
set -u
cd "$(dirname "$0")/../.." || exit 1
scribed=${BUILD:-build/plain}/scribed
data=tests/data/ngram
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
check() { # check CLAIM COMMAND...
    if "${@:2}"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $1"
    fi
}

# Words are numbered differently; rounding of a float's last digits may differ.
same_as_query() { # same_as_query OURS THEIRS
    awk '
        {
            gsub(/=[0-9]+ /, " ")
            n = split($0, field, /[\t ]+/)
        }
        NR == FNR { count[FNR] = n; for (i = 1; i <= n; i++) ours[FNR, i] = field[i]; next }
        {
            if (count[FNR] != n) bad = 1
            for (i = 1; i <= n; i++) {
                a = ours[FNR, i]; b = field[i]
                if (a ~ /^-?[0-9.e+-]+$/ && b ~ /^-?[0-9.e+-]+$/) {
                    d = a - b; if (d < 0) d = -d
                    if (d > 1e-5 * (b < 0 ? 1 - b : 1 + b)) { print "line", FNR, a, b; bad = 1 }
                } else if (a != b) { print "line", FNR, a, b; bad = 1 }
            }
            lines = FNR
        }
        END { exit bad || lines < 10 }' "$1" "$2"
}

exits_with() { # exits_with CODE COMMAND...
    "${@:2}" >"$dir/out" 2>"$dir/err"
    [ $? -eq "$1" ]
}
says() { # says FILE TEXT
    grep -qF -- "$2" "$dir/$1" || { echo "no \"$2\" in:" && cat "$dir/$1" && false; }
}

check 'an ARPA file is compiled' \
    exits_with 0 "$scribed" lm build --bits 32 "$data/kenlm-test.arpa" "$dir/test.ngram"
check 'without a terminal nothing is printed while compiling' \
    test ! -s "$dir/out" -a ! -s "$dir/err"
check 'info is printed' exits_with 0 "$scribed" lm info "$dir/test.ngram"
check 'info counts the n-grams' says out "$(printf '2-grams\t47\t')"
check 'text is scored' \
    exits_with 0 "$scribed" lm score "$dir/test.ngram" "$data/kenlm-query.in"
check 'scores and perplexity are those of KenLM' same_as_query "$dir/out" "$data/kenlm-query.out"
"$scribed" lm score "$dir/test.ngram" <"$data/kenlm-query.in" >"$dir/stdin"
check 'standard input is scored as a file is' cmp "$dir/out" "$dir/stdin"
check 'no text is no error' exits_with 0 "$scribed" lm score "$dir/test.ngram" /dev/null
check 'a full disk is an error' \
    bash -c "! '$scribed' lm score '$dir/test.ngram' '$data/kenlm-query.in' >/dev/full 2>/dev/null"

check 'a gzip file is compiled' \
    exits_with 0 "$scribed" lm build "$data/en-subset.arpa.gz" "$dir/subset.ngram"
printf 'x' | dd of="$dir/subset.ngram" bs=1 seek=5000 conv=notrunc status=none
check 'a damaged file is refused' exits_with 1 "$scribed" lm info "$dir/subset.ngram"
check 'the refusal names the file' says err "$dir/subset.ngram: damaged: checksum"
check 'an ARPA file is not a compiled one' \
    exits_with 1 "$scribed" lm info "$data/kenlm-test.arpa"
check 'what to do is said' says err 'make one with scribed lm build'
check 'a broken ARPA file is refused' \
    exits_with 1 "$scribed" lm build Makefile "$dir/none.ngram"
check 'nothing is left of it' test ! -e "$dir/none.ngram" -a ! -e "$dir/none.ngram.part"
check 'bits out of range are refused' \
    exits_with 1 "$scribed" lm build --bits 17 "$data/kenlm-test.arpa" "$dir/none.ngram"
check 'bits that are no number are refused' \
    exits_with 2 "$scribed" lm build --bits many "$data/kenlm-test.arpa" "$dir/none.ngram"
check 'an unknown subcommand is refused' exits_with 2 "$scribed" lm compile
check 'the refusal shows the usage' says err 'usage: scribed lm build'
check 'help is no error' exits_with 0 "$scribed" lm --help
check 'help is there behind a subcommand' exits_with 0 "$scribed" lm build --help
check 'help goes to standard output' says out 'usage: scribed lm build'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
