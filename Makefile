# `make test` is what CI runs. It installs what it needs from the package registries; `make help` lists the rest.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

export CARGO_TARGET_DIR ?= $(CURDIR)/target
BROKER := $(CARGO_TARGET_DIR)/release/token-broker
BOOTSTRAP := $(CARGO_TARGET_DIR)/release/bootstrap
PYTHON := tests/clients/python/.venv/bin/python
TERRAFORM_PYTHON := tests/terraform/.venv/bin/python
# Workspaces of their own: what they need stays out of the product's Cargo.lock.
RUST_CLIENT := --manifest-path tests/clients/rust/Cargo.toml
LIMITS_BENCH := --manifest-path bench/limits/Cargo.toml
HOST_BENCH := --manifest-path bench/host/Cargo.toml
FUZZ := --manifest-path fuzz/Cargo.toml

# How long `make fuzz` runs each target.
FUZZ_SECONDS ?= 60

# What is released leaves the AWS SDK and spans out; what is linted and tested has them.
WITH_AWS := token-broker/aws,token-broker/otlp

# What `make lambda` builds for, and what it packages.
ARCHITECTURES ?= arm64
DEFINITION ?= terraform/examples/complete/token-broker.yaml

.PHONY: help test tools fmt lint docs unit loom mutants clients spans lambda packages terraform deploy deny bench fuzz release

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

# Lambda has two kinds of processors; whoever packages for one of them need not build for both.
test: ARCHITECTURES := arm64 x86_64
test: tools lint docs unit loom clients spans packages terraform deploy deny ## Run everything that CI runs

tools: ## Look for the tools that must be there
	tests/setup/prerequisites

fmt: ## Format the code
	cargo fmt --all
	cargo fmt $(RUST_CLIENT)
	cargo fmt $(LIMITS_BENCH)
	cargo fmt $(HOST_BENCH)
	cargo fmt $(FUZZ)
	terraform fmt -recursive terraform
	terraform fmt tests/terraform/findings

lint: ## Check the format and the lints
	cargo fmt --all --check
	cargo fmt $(RUST_CLIENT) --check
	cargo fmt $(LIMITS_BENCH) --check
	cargo fmt $(HOST_BENCH) --check
	cargo fmt $(FUZZ) --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --workspace --features $(WITH_AWS) --all-targets -- -D warnings
	cargo clippy --locked $(RUST_CLIENT) --all-targets -- -D warnings
	cargo clippy --locked $(LIMITS_BENCH) --all-targets -- -D warnings
	cargo clippy --locked $(HOST_BENCH) --all-targets -- -D warnings
	cargo clippy --locked $(FUZZ) --no-default-features --bins -- -D warnings
	tests/mutations/run.py --look

docs: ## Build the API documentation; a broken link is an error
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --features $(WITH_AWS) --no-deps

unit: ## Run the workspace's own tests
	tests/setup/cargo-tool cargo-nextest 0.9.143
	tests/setup/proxies
	tests/setup/http2
	cargo nextest run --locked --workspace -E 'test(/build_without/)'
	cargo nextest run --locked --workspace --features $(WITH_AWS)
	cargo test --locked --workspace --features $(WITH_AWS) --doc

loom: ## Try every order in which a few threads can spend
	RUSTFLAGS='--cfg loom' CARGO_TARGET_DIR=$(CARGO_TARGET_DIR)/loom \
	  cargo test --locked --package limits --release --lib loom_tests

mutants: ## Break limits and defences on purpose, one way after the other; a test must notice each (many minutes)
	tests/setup/cargo-tool cargo-nextest 0.9.143
	tests/mutations/run.py

clients: release ## Let real OAuth clients get tokens from the release build, wherever its function runs
	tests/setup/clients
	$(PYTHON) tests/clients/run.py $(BROKER) $(BOOTSTRAP)

spans: ## Read the spans that a broker sends by OpenTelemetry's own classes
	tests/setup/clients
	cargo test --locked --workspace --features $(WITH_AWS) --no-run
	BROKER_BINARY=$(CARGO_TARGET_DIR)/debug/token-broker \
	  $(PYTHON) -m pytest -q --strict-markers -p no:cacheprovider tests/clients/otlp

lambda: release ## Build the broker for Lambda, and package it with DEFINITION: ARCHITECTURES="arm64 x86_64" for both
	tests/setup/lambda
	tests/lambda/build $(BROKER) $(DEFINITION) $(ARCHITECTURES)

packages: lambda ## Get a token from each package, in qemu if need be, and from the broker under another's Runtime API
	tests/setup/qemu
	tests/setup/clients
	$(PYTHON) tests/lambda/run.py $(BROKER) $(ARCHITECTURES:%=$(CARGO_TARGET_DIR)/lambda/%/broker.zip)
	$(PYTHON) tests/lambda/emulator.py $(BOOTSTRAP)

terraform: lambda ## Hold the Terraform module against the real provider, and `token-broker check` against its plans
	tests/setup/terraform
	cargo test --locked --workspace --features $(WITH_AWS) --no-run
	$(TERRAFORM_PYTHON) -m pytest -q -n auto --dist loadgroup --strict-markers -p no:cacheprovider tests/terraform --binary $(BROKER) \
	  --aws-binary $(CARGO_TARGET_DIR)/debug/token-broker \
	  --package $(CARGO_TARGET_DIR)/lambda/$(firstword $(ARCHITECTURES))/broker.zip

deploy: release ## Hold the systemd units and the container file against the tools that read them
	tests/setup/systemd
	tests/deploy/run $(BROKER)

deny: ## Check licences, sources and duplicates of dependencies, and advisories if they can be fetched
	tests/setup/cargo-tool cargo-deny 0.20.2
	tests/setup/check-dependencies
	@tree=$$(cargo tree --locked --package token-broker --package broker-lambda --edges normal --prefix none); \
	  if grep -E '^aws-(config|runtime|sdk|sig|smithy|types)' <<< "$$tree"; then echo 'The AWS SDK is in what is released.'; exit 1; fi; \
	  if grep -E '^(opentelemetry|otlp|prost|tonic)' <<< "$$tree"; then echo 'What sends spans is in what is released.'; exit 1; fi

bench: release ## Measure against nginx, governor and other functions here, and write the figures to docs/benchmarks.md
	tests/setup/bench
	cargo build --locked --release $(LIMITS_BENCH)
	cargo build --locked --release $(HOST_BENCH)
	bench/limits.py $(CARGO_TARGET_DIR)/release/limits-bench --write docs/benchmarks.md
	tests/setup/clients
	bench/lambda.py $(BROKER) $(BOOTSTRAP) --write docs/benchmarks.md
	bench/host.py $(CARGO_TARGET_DIR)/release/host-bench --write docs/benchmarks.md
	bench/run.py $(BROKER) --write docs/benchmarks.md
	bench/attack.py $(BROKER) --write docs/benchmarks.md

fuzz: ## Search for inputs that break what parsers keep, FUZZ_SECONDS for each (needs a nightly toolchain)
	tests/setup/fuzz
	fuzz/run $(FUZZ_SECONDS)

# Both at once: by itself either would have its dependencies built with other features, and built again.
release:
	cargo build --locked --release --package token-broker --package broker-lambda
