#!/usr/bin/env bash
# Installs what the build and the tests need, by apt, and says what it does.
# Where it cannot, it says what is missing and exits with 1.
#   scripts/deps.sh              solvers and libz3
#   scripts/deps.sh clang        clang as well (only to rebuild the corpus)
set -u

missing=()
need_cmd() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }
need_file() { local f; for f in $1; do [ -e "$f" ] && return; done; missing+=("$2"); }

need_cmd gcc gcc
need_cmd git git
need_file "/usr/include/z3.h /usr/local/include/z3.h" libz3-dev
need_cmd z3 z3
need_cmd cvc5 cvc5
need_cmd cadical cadical
need_cmd ip iproute2
if [ "${1:-}" = clang ]; then
	command -v clang >/dev/null 2>&1 || need_cmd clang-19 clang-19
fi

if ! command -v go >/dev/null 2>&1; then
	echo "deps: Go is missing: install Go 1.26 or newer (https://go.dev/dl) and put it on PATH" >&2
	exit 1
fi
if [ ${#missing[@]} -eq 0 ]; then
	echo "deps: all present (libz3, z3, cvc5, cadical, ip)"
	exit 0
fi

fail() {
	echo "deps: missing: ${missing[*]}" >&2
	echo "deps: $1" >&2
	exit 1
}
command -v apt-get >/dev/null 2>&1 || fail "no apt-get here: install the packages above by this system's own means"
sudo=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null 2>&1 || fail "not root and no sudo: run as root: apt-get install ${missing[*]}"
	sudo=(sudo)
fi

echo "deps: installing by apt: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
if ! { "${sudo[@]}" apt-get update && "${sudo[@]}" apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
	tail -n 5 "$log" >&2
	fail "apt-get failed (its last lines are above)"
fi
echo "deps: installed"
