#!/usr/bin/env bash
# Long campaigns, outside of CI: every fuzz target for FUZZTIME, then the tests
# that are sized by -long.
set -euo pipefail
fuzztime=${FUZZTIME:-2m}

for dir in $(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do
	for target in $(grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | cut -d' ' -f2); do
		echo "== $dir $target ($fuzztime)"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" "$dir"
	done
done
