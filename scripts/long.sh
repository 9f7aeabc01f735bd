#!/usr/bin/env bash
# Long campaigns, outside of CI: the proofs of all abstract operators, with
# every proof checked and every query confirmed by other solvers as far as these
# finish; the tests that are sized by -long (package internal/long); then every
# fuzz target for FUZZTIME.
#   scripts/long.sh              all three
#   scripts/long.sh soundness    the first only
#   scripts/long.sh campaigns    the second only
#   scripts/long.sh fuzz         the third only
# With CAMPAIGNS=REGEXP only tests of that name run in the second; with
# DOMAIN=NAME only that domain is proved in the first, and with SMT_DIR=FOLDER
# every query is written there. A step limit of CONFIRM_STEPS ends what other
# solvers cannot decide.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-all}
fuzztime=${FUZZTIME:-2m}
failed=0
case $what in all | soundness | campaigns | fuzz) ;; *)
	echo "long: expected soundness, campaigns or fuzz, got $what" >&2
	exit 2
	;;
esac

# packages with a test file that matches
packages() { git ls-files '*_test.go' | xargs grep -l "$1" | xargs -n1 dirname | sort -u; }

if [ "$what" = all ] || [ "$what" = soundness ]; then
	echo "== soundness, proofs checked, confirmed by z3 and cvc5"
	go build -o bin/bpfproof ./cmd/bpfproof
	status=0
	bin/bpfproof soundness --domain "${DOMAIN:-}" --check-proofs --cache none ${SMT_DIR:+--smt-dir "$SMT_DIR"} \
		--confirm z3-pipe,cvc5 --confirm-steps "${CONFIRM_STEPS:-20000000}" || status=$?
	if [ $status -eq 3 ]; then
		echo "long: operators that are not known are not proved" >&2
		failed=3
	elif [ $status -ne 0 ]; then
		exit $status
	fi
fi
if [ "$what" = all ] || [ "$what" = campaigns ]; then
	for dir in $(packages 'bpfproof/internal/long"'); do
		echo "== ./$dir at full length"
		go test -count=1 -v -timeout 0 -run "${CAMPAIGNS:-.}" "./$dir" -args -long
	done
fi
if [ "$what" = all ] || [ "$what" = fuzz ]; then
	for dir in $(packages '^func Fuzz'); do
		for target in $(grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | cut -d' ' -f2); do
			echo "== ./$dir $target ($fuzztime)"
			go test -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" "./$dir"
		done
	done
fi
exit $failed
