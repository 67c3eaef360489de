# The only commands to learn; `make help` lists them. Each does its own set-up first and needs no other.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

BIN := .venv/bin
STAMPS := build/stamps
export PATH := $(CURDIR)/$(BIN):$(PATH)
export CARGO_TARGET_DIR ?= $(CURDIR)/target
# Containers often set it: each of some hundred processes that tests start would compile what it imports anew.
unexport PYTHONDONTWRITEBYTECODE

RUST := $(shell find native -name '*.rs' -o -name Cargo.toml 2>/dev/null | grep -v /target/) Cargo.toml Cargo.lock
PAGE := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print 2>/dev/null)
LISTEN ?= 127.0.0.1:8082
ARGS ?=

.PHONY: help setup run demo test unit netns system browser foreign fuzz test-vm test-openstack lint fmt bench docs bless clean
.PHONY: lint-python lint-native unit-python unit-native netns-shared system-shared first-packets
.PHONY: fuzz-packets fuzz-queries daemons clients
# With ARGS that select tests, one of two runs may have none (exit status 5).
OR_NONE = $(if $(ARGS),|| [ $$$$? -eq 5 ])
TOGETHER := $(MAKE) --no-print-directory --jobs=2 --output-sync=target
# Clippy as the compiler of tests: what they stand on is compiled once, and not checked for the lints besides.
LINTING := RUSTC_WORKSPACE_WRAPPER=$(CURDIR)/tools/clippy_rustc
# What is timed packet by packet; some of it fills all processors on purpose.
FIRST_PACKETS := tests/netns/test_first_packets_native.py tests/system/test_first_packets.py

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup: $(STAMPS)/native $(STAMPS)/page ## install what is missing, build the native core and the page
	@echo "ready: $(BIN)/netsonde"

run: setup ## start everything on LISTEN (127.0.0.1:8082) and print the page's address
	@exec netsonde allinone --listen $(LISTEN) $(ARGS)

demo: setup ## play the story with a real VM: a capture waits, the VM boots, a check judges it; FAULT=dhcp|vlan|mtu|metadata|arp
	@tools/debs demo
	@PYTHONPATH=tools exec python -m demo $(if $(FAULT),--fault $(FAULT)) $(ARGS)

test: ## run every test
	@$(MAKE) --no-print-directory --jobs=2 setup
	@$(TOGETHER) --jobs=3 lint-python lint-native clients
	@$(TOGETHER) netns-shared unit-python unit-native
	@$(TOGETHER) system-shared fuzz-packets
	@$(MAKE) --no-print-directory first-packets
	@$(TOGETHER) browser foreign
	@$(MAKE) --no-print-directory fuzz-queries

daemons: $(STAMPS)/debs
	@tools/debs test

clients: setup daemons
	@tools/foreign

unit: unit-python unit-native ## tests without root and network

# One more than processors: servers that tests start and stop take a tenth of a second to see that they shall.
unit-python: setup
	pytest -q -n $$(($$(nproc) + 1)) --dist worksteal tests/unit tests/compat $(ARGS)

unit-native: setup
	$(LINTING) cargo test --workspace --locked --quiet
	cd web && npm run --silent test

netns: netns-shared ## tests in throw-away network namespaces (root)
	pytest -q $(filter tests/netns/%,$(FIRST_PACKETS)) $(ARGS) $(OR_NONE)

netns-shared: setup daemons
	pytest -q tests/netns $(FIRST_PACKETS:%=--ignore=%) $(ARGS) $(OR_NONE)

system: system-shared ## tests with real daemons (root)
	pytest -q $(filter tests/system/%,$(FIRST_PACKETS)) $(ARGS) $(OR_NONE)

# Three at a time: most of them wait. In the order of names: by the number of tests, the longest tests would come last.
system-shared: setup daemons
	pytest -q -n 3 --dist loadfile --no-loadscope-reorder tests/system $(FIRST_PACKETS:%=--ignore=%) $(ARGS) $(OR_NONE)

first-packets: setup daemons
	pytest -q $(FIRST_PACKETS) $(ARGS) $(OR_NONE)

browser: setup daemons ## the page in a real Chromium (root)
	pytest -q -n 2 --dist loadfile tests/browser $(ARGS) $(OR_NONE)

foreign: setup clients ## other people's clients, unmodified, against a real all-in-one (root)
	pytest -q tests/foreign $(ARGS)

test-vm: setup daemons ## the demo with real virtual machines, six of them, some five minutes (root)
	@tools/debs demo
	pytest -q tests/vm $(ARGS)

test-openstack: setup daemons ## the story in a real OpenStack: Keystone, Neutron, a VM; some three minutes, 2 GB (root)
	@tools/debs openstack
	pytest -q -s tests/openstack_lab $(ARGS)

fuzz: fuzz-packets fuzz-queries ## hostile packets for the parsers, hostile queries for a live analyzer

# At the lowest priority: it fills whatever time the tests beside it leave.
fuzz-packets: setup
	nice -n 19 tools/fuzz 60

fuzz-queries: setup
	tools/fuzz_queries 20

lint: lint-python lint-native ## ruff, mypy, import-linter, clippy, tsc, eslint

lint-python: setup
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-cache
	python tools/check_probes.py
	cd web && npm run --silent lint

# Builds the tests as well, which unit-native runs.
lint-native: setup
	$(LINTING) cargo test --workspace --all-targets --locked --quiet --no-run
	cargo fmt --all --check

fmt: setup ## format everything
	ruff format . && ruff check --fix . && cargo fmt --all && cd web && npm run --silent fmt

bench: export NFSTREAM_PYTHON ?= $(CURDIR)/build/bench/nfstream/bin/python
bench: setup ## ratios against peers, in one run
	@tools/debs bench
	@tools/nfstream
	@for bench in meter flow_engine graph completion history subscriptions lookback_cost ebpf topology_load topology_scale event_latency container_start daemon_changes check_verdicts hostile_scripts page; do python bench/$$bench.py; done

docs: setup ## write the generated reference pages anew
	python tools/reference.py

bless: docs ## rewrite golden files; read the diff before you commit it
	pytest -q tests/unit --bless

clean: ## remove what was built (not the state directory)
	rm -rf build target .venv web/node_modules src/netsonde/api/page src/netsonde/_native*.so

$(STAMPS)/debs: tools/debs
	@mkdir -p $(STAMPS)
	@tools/debs run
	@touch $@

$(STAMPS)/python: requirements.lock $(STAMPS)/debs
	@test -x $(BIN)/python || python3 -m venv .venv
	@echo "installing Python packages ..."
	@awk '/^[a-z]/ {wanted = /^uv==/} wanted' requirements.lock > $(STAMPS)/uv.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(STAMPS)/uv.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements.lock
	@touch $@

$(STAMPS)/native: $(RUST) pyproject.toml $(STAMPS)/python
	@echo "building the native core (some minutes the first time) ..."
	@VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/maturin develop --uv --release --locked --quiet
	@touch $@

$(STAMPS)/page: $(PAGE) $(STAMPS)/debs
	@echo "building the page ..."
	@cd web && npm ci --silent --no-audit --no-fund && npm run --silent build
	@touch $@
