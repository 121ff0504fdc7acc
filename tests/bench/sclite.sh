# sclite.sh - scoring for the scripts here; source it. Needs Debian's sctk and a folder in $work.
# shellcheck shell=bash
: "${work:?is the folder of the script that sources this}"

# trn: file<TAB>speaker<TAB>text -> "TEXT (speaker-file)", as sclite wants it
trn() { awk -F'\t' '{f = $1; sub(/\.[a-z0-9]+$/, "", f); print toupper($3) " (" $2 "-" f ")"}'; }

# score REFERENCE HYPOTHESES: text.tsv against file<TAB>text, with or without folders and endings.
# Prints JSON members: "utterances":N,"words":N,...,"wer":P
score() {
    trn < "$1" > "$work/ref.trn"
    awk -F'\t' '{n = split($1, path, "/"); f = path[n]; sub(/\.(wav|flac)$/, "", f)}
                NR == FNR {speaker[f] = $2; next} {print f "\t" speaker[f] "\t" $2}' "$1" "$2" |
        trn > "$work/hyp.trn"
    sctk sclite -r "$work/ref.trn" trn -h "$work/hyp.trn" trn -i rm -o rsum -O "$work" -n sys > /dev/null
    # | Sum | utterances words | correct sub del ins errors sentence-errors |
    awk -F'|' '$2 ~ /^ *Sum *$/ {split($3, n, " "); split($4, e, " ")
        printf "\"utterances\":%d,\"words\":%d,\"substitutions\":%d,\"deletions\":%d,", n[1], n[2], e[2], e[3]
        printf "\"insertions\":%d,\"wer\":%.2f", e[4], 100 * e[5] / n[2]}' "$work/sys.raw"
}
