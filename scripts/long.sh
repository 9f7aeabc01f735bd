#!/usr/bin/env bash
# Long campaigns, outside of CI: every fuzz target for FUZZTIME, then the tests
# that are sized by -long (package internal/long).
#   FUZZTIME=10m scripts/long.sh           each target for ten minutes
#   FUZZ='FuzzLog|FuzzELF' scripts/long.sh only these targets
#   FUZZTIME=0 scripts/long.sh             only the tests
# Inputs are not minimised (-fuzzminimizetime 1x): the fuzzer would spend up to a
# minute on each new input of many kilobytes, such as an object file, and find
# nothing meanwhile.
set -euo pipefail
fuzztime=${FUZZTIME:-2m}
fuzz=${FUZZ:-.}

for dir in $(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do
	for target in $(grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | cut -d' ' -f2 | grep -E "$fuzz" || true); do
		[ "$fuzztime" = 0 ] && continue
		echo "== $dir $target ($fuzztime)"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" -fuzzminimizetime 1x "$dir"
	done
done

for dir in $(grep -rl --include='*_test.go' 'internal/long"' . | xargs -n1 dirname | sort -u); do
	echo "== $dir -long"
	go test -count=1 -timeout 0 "$dir" -args -long
done
