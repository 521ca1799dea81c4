# shellcheck shell=bash
# What dev's scripts share. Sourced, never run.

project=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# The variable is for tests.
embedded=${VISA_EMBEDDED_DIR:-$project/.embedded}
# Inherited by the scripts that a script calls, so that their times count from the same moment.
export VISA_SETUP_STARTED=${VISA_SETUP_STARTED:-$EPOCHSECONDS}

# A line about the progress, with the seconds since the first script began.
say() { printf '[%4d s] %s\n' $((EPOCHSECONDS - VISA_SETUP_STARTED)) "$*"; }

# fail WHAT FIX: ends with exit status 2, as for anything that has to be installed or changed by a person.
fail() {
  printf '%s: %s\n  fix: %s\n' "$(basename -- "$0")" "$1" "$2" >&2
  exit 2
}

# Settings for a build with Go: its caches go below .embedded/go (unless the caller has set their own) and can be
# removed afterwards by `rm -rf`, which read-only modules would forbid.
go_settings() {
  export GOCACHE=${GOCACHE:-$embedded/go/cache} GOMODCACHE=${GOMODCACHE:-$embedded/go/modules}
  export GOFLAGS="-modcacherw -buildvcs=false" CGO_ENABLED=0 GOWORK=off
}

need_go() {
  command -v go >/dev/null || fail "$1, and Go is not installed" "install Go 1.24 or newer, so that it can be built"
}

# Downloads a file's lines of progress would drown everything else: the output is kept, and shown where it failed.
quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname -- "$log")"
  if ! "$@" >"$log" 2>&1; then
    tail -n 60 -- "$log" >&2
    printf '%s: "%s" failed; the whole log: %s\n' "$(basename -- "$0")" "$*" "$log" >&2
    return 1
  fi
}

passed=0
# The names of those that failed.
failed=()

# check NAME COMMAND…: runs it, says how it went, and counts it.
check() {
  local name=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    say "$name: passed"
  else
    failed+=("$name")
    say "$name: failed"
  fi
}

# What is known of the code without running it. They need node_modules and shellcheck alone.
static_checks() {
  check "format and lint" node_modules/.bin/biome ci --colors=off .
  check "types" node_modules/.bin/tsc -p tsconfig.json --noEmit
  check "shell scripts" dev/lint-shell
  check "arrows between folders" node_modules/.bin/depcruise --config dev/dependency-cruiser.js lib stacks dev bench
  check "code that nothing uses" node_modules/.bin/knip --config dev/knip.json
}
