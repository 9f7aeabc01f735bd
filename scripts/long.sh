#!/usr/bin/env bash
# Long campaigns, outside of CI: the tests that are sized by -long (package
# internal/long), then every fuzz target for FUZZTIME.
#   scripts/long.sh              both
#   scripts/long.sh campaigns    the first only
#   scripts/long.sh fuzz         the second only
# With CAMPAIGNS=REGEXP only tests of that name run in the first.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-all}
fuzztime=${FUZZTIME:-2m}
case $what in all | campaigns | fuzz) ;; *)
	echo "long: expected campaigns or fuzz, got $what" >&2
	exit 2
	;;
esac

# packages with a test file that matches
packages() { git ls-files '*_test.go' | xargs grep -l "$1" | xargs -n1 dirname | sort -u; }

if [ "$what" != fuzz ]; then
	for dir in $(packages 'bpfproof/internal/long"'); do
		echo "== ./$dir at full length"
		go test -count=1 -v -timeout 0 -run "${CAMPAIGNS:-.}" "./$dir" -args -long
	done
fi
if [ "$what" != campaigns ]; then
	for dir in $(packages '^func Fuzz'); do
		for target in $(grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | cut -d' ' -f2); do
			echo "== ./$dir $target ($fuzztime)"
			go test -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" "./$dir"
		done
	done
fi
