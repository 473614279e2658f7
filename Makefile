# The commands of this repository; `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help setup demo test bench

help: ## list the commands
	@sed -nE 's/^([a-z]+): ## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## install what a Debian or Ubuntu machine lacks for the tests (the others see to themselves)
	@tests/real/setup.sh test

demo: ## one deployment passes, one is rolled back, judged on a real Prometheus on this machine
	@tests/real/setup.sh demo
	@docs/demo/run.sh

test: ## format, lints, all tests, documentation
	@tests/real/setup.sh test
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps
	cargo test --locked --doc
	@if cargo nextest --version >/dev/null 2>&1; then set -x; cargo nextest run --locked; else set -x; cargo test --locked --lib --bins --tests; fi

bench: ## a fleet of checks beside a load generator, curl and jq, a backtest of 500 deployments, queries beside another parser; with a release build
	@tests/real/setup.sh bench
	@benches/fleet/run.sh
	@benches/backtest/run.sh
	cargo bench --locked --quiet --bench promql
