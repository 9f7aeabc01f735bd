# Two commands do everything on a fresh Debian machine: make demo, make test.
.DEFAULT_GOAL := help
SHELL := /bin/bash

BIN := bin/bpfproof
GOTEST := go test -timeout 15m

.PHONY: help deps build demo test check long bench update corpus clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

deps: ## install what is missing (apt)
	@scripts/deps.sh

build: ## build bin/bpfproof
	go build -o $(BIN) ./cmd/bpfproof

demo: deps build ## the whole pipeline on one real program
	@$(BIN) demo

test: deps ## gofmt, vet, lint and all tests
	@$(MAKE) --no-print-directory check

check:
	@unformatted=$$(git ls-files '*.go' | xargs gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "gofmt wants: $$unformatted" >&2; exit 1; fi
	go vet ./...
	CGO_ENABLED=0 go build ./...
	$(GOTEST) ./...

long: deps ## long campaigns: operator proofs, fuzzing and many random programs
	scripts/long.sh

bench: deps ## all Go benchmarks
	go test -run '^$$' -bench . -benchmem ./...

update: deps ## rewrite golden files from what the code does now
	$(GOTEST) $$(grep -rl --include='*_test.go' 'internal/golden"' . | xargs -n1 dirname | sort -u) -args -update

corpus: ## rebuild the committed objects from their C sources (needs clang)
	@scripts/deps.sh clang
	$(MAKE) -C corpus
	$(MAKE) -C examples

clean: ## remove build results
	rm -rf bin
