# Steps of a run: each is named before the first begins, so that one that did not run is seen. To be sourced.

set -uo pipefail
NAMES=() COMMANDS=() SECONDS_OF=() STATES=()

# Seconds that all steps may take together: what hangs is ended while there is still time to print the table.
LIMIT=${LIMIT:-4800}

step() { NAMES+=("$1"); COMMANDS+=("$2"); SECONDS_OF+=(0); STATES+=("did not run"); }

table() {
    local failed=0 number total=0
    printf '\n%-58s %8s  %s\n' "step" "seconds" "result"
    for number in "${!NAMES[@]}"; do
        printf '%-58s %8d  %s\n' "${NAMES[number]}" "${SECONDS_OF[number]}" "${STATES[number]}"
        total=$((total + SECONDS_OF[number]))
        [ "${STATES[number]}" = "ok" ] || failed=1
    done
    printf '%-58s %8d\n' "all" "$total"
    return "$failed"
}

# Wait for a step, and end it with all that it started when its seconds are over.
wait_for() {
    local status
    ( sleep "$2"; echo "This takes too long."; kill -TERM -- "-$1" ) &
    local guard=$!
    disown "$guard"
    wait "$1"
    status=$?
    kill -- "-$guard" 2>/dev/null
    return "$status"
}

run_steps() {
    set -m
    local number began status
    for number in "${!NAMES[@]}"; do
        printf '\n=== %s · %(%H:%M:%S)T ===\n\n' "${NAMES[number]}" -1
        began=$SECONDS
        ( set -e; eval "${COMMANDS[number]}" ) &
        trap "kill -TERM -- -$!; exit 130" INT TERM
        wait_for $! $((LIMIT - began))
        status=$?
        SECONDS_OF[number]=$((SECONDS - began))
        if [ "$status" -ne 0 ]; then
            STATES[number]="failed ($status)"
            break
        fi
        STATES[number]="ok"
    done
    table
}

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }

# Real interpreters, not pyenv's shims, which answer for versions that are not there. The newest comes first.
for minor in 3.11 3.12 3.13 3.14; do
    for folder in "$HOME"/.pyenv/versions/"$minor"*/bin; do
        if [ -x "$folder/python$minor" ]; then PATH="$folder:$PATH"; fi
    done
done
export PATH

interpreters() {
    local minor missing=0
    for minor in 3.11 3.12 3.13; do
        if command -v "python$minor"; then continue; fi
        echo "python$minor is not here"
        missing=1
    done
    # Elsewhere tox leaves out what is not there.
    [ "$missing" -eq 0 ] || [ "${CI:-}" != "true" ]
}

system_packages() {
    local missing=()
    command -v chromium >/dev/null || missing+=(chromium)
    command -v make >/dev/null || missing+=(make)
    command -v npm >/dev/null || missing+=(npm)
    command -v openssl >/dev/null || missing+=(openssl)
    python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
    # PostgreSQL refuses to run as root; its wheel then adds a user of its own.
    [ "$(id -u)" -ne 0 ] || command -v useradd >/dev/null || missing+=(passwd)
    if [ "${#missing[@]}" -eq 0 ]; then
        echo "All here."
        return
    fi
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# With CI=true a missing interpreter is an error.
TOX_ARGS="--skip-missing-interpreters $([ "${CI:-}" = "true" ] && echo false || echo true)"
