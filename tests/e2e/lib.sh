# lib.sh - what the end-to-end tests share; source it from a script in tests/e2e/.
#
#   start_daemon [OPTION...]    `scribed serve` on a free port: sets $url, $port, $daemon, $log
#   stop_daemon                 SIGTERM; must exit 0, and (with a sanitizer) without a report
#   check NAME COMMAND...       one test: passes when the command succeeds
#   request ARG...              curl; sets $status, and leaves the body in $body
#   install_sdk node|python     OpenAI's own client, pinned in tests/e2e/NAME, into build/e2e-NAME
#   run_node ARG...             the JavaScript module on standard input, with that client
#   finish                      prints "N passed, N failed" and exits accordingly
#
# BUILD is the object tree (tests/run sets it). Everything temporary is in $work.
# shellcheck shell=bash disable=SC2034
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
scribed=${BUILD:-build/plain}/scribed
speech=tests/data/golden/read16k.61-70968-0025.flac
phone=tests/data/golden/phone8k.61-70968-0025.wav
work=$(mktemp -d)
body=$work/body
log=$work/log
daemon=
passed=0 failed=0
export ASAN_OPTIONS=detect_leaks=1 TSAN_OPTIONS=exitcode=66

cleanup() {
    if [ -n "$daemon" ]; then kill -KILL "$daemon" 2>/dev/null; fi
    rm -rf "$work"
}
trap cleanup EXIT

check() {
    local name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $name"
        if [ -s "$body" ]; then printf '  last status %s, body: %s\n' "${status:-none}" "$(head -c 400 "$body")"; fi
    fi
}

finish() {
    if [ -n "$daemon" ]; then stop_daemon; fi
    if [ "$failed" -ne 0 ] && [ -s "$log" ]; then tail -n 30 "$log"; fi
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
    exit
}

# A sanitizer's build starts slowly: wait by what is seen, with a bound that only a hang meets.
wait_until() { # wait_until COMMAND...
    local tries
    for ((tries = 0; tries < 1200; tries++)); do
        if "$@"; then return 0; fi
        sleep 0.05
    done
    return 1
}

listening() {
    kill -0 "$daemon" 2>/dev/null || return 0
    port=$(sed -nE 's/.*listening.*port"?[=:]([0-9]+).*/\1/p' "$log" | head -n 1)
    [ -n "$port" ]
}

ready() { [ "$(curl -s -o /dev/null -w '%{http_code}' "$url/readyz")" = 200 ]; }

start_daemon() {
    : > "$log"
    port=
    "$scribed" serve --port 0 --model model/en "$@" 2> "$log" &
    daemon=$!
    wait_until listening
    url=http://127.0.0.1:$port
    check "the daemon starts ($*)" wait_until ready
}

stop_daemon() {
    local exit_status=0
    kill -TERM "$daemon"
    wait "$daemon" || exit_status=$?
    daemon=
    check "SIGTERM ends the daemon with status 0" [ "$exit_status" -eq 0 ]
    check "no sanitizer has anything to report" lacks "$log" 'ERROR: (Address|Leak|Thread)Sanitizer|runtime error:|WARNING: ThreadSanitizer'
}

has() { grep -qE -- "$2" "$1"; }    # has FILE REGEX
lacks() { ! grep -qE -- "$2" "$1"; } # lacks FILE REGEX

request() {
    status=$(curl -s -o "$body" -w '%{http_code}' "$@")
}

# transcribe FILE [FIELD=VALUE...]: a multipart request as the OpenAI SDKs send it
transcribe() {
    local file=$1 fields=() field
    shift
    for field in "$@"; do fields+=(-F "$field"); done
    request "$url/v1/audio/transcriptions" -F "file=@$file" -F model=en-v1 "${fields[@]}"
}

# The documented JSON error: refused STATUS CODE[|CODE...] [PARAM]
refused() {
    [ "$status" = "$1" ] && python3 - "$body" "$2" "${3:-}" <<'PY'
import json, sys
error = json.load(open(sys.argv[1]))["error"]
assert set(error) == {"message", "type", "param", "code"}, error
assert error["message"] and error["type"].endswith("_error"), error
assert error["code"] in sys.argv[2].split("|"), error
assert not sys.argv[3] or error["param"] == sys.argv[3], error
PY
}

install_sdk() {
    local from=tests/e2e/$1 to=build/e2e-$1
    # The copy of the pins is made last: an installation that broke off is done again.
    if diff -qr "$from" "$to/pins" > /dev/null 2>&1; then return 0; fi
    rm -rf "$to"
    mkdir -p "$to"
    case $1 in
    node)
        cp "$from"/package*.json "$to"
        npm ci --prefix "$to" --ignore-scripts --no-audit --no-fund --loglevel=error ;;
    python)
        /usr/bin/python3 -m venv "$to" && "$to/bin/pip" install -q -r "$from/requirements.txt" ;;
    esac && cp -r "$from" "$to/pins"
}

# run_node ARG...: the module on standard input; it finds packages beside itself, hence the copy
run_node() {
    local module=build/e2e-node/$BASHPID.mjs exit_status=0
    cat > "$module"
    node --require ./tests/e2e/node/node18.cjs "$module" "$@" || exit_status=$?
    rm -f "$module"
    return "$exit_status"
}
