# HookDesk's commands. Each does its own set-up: Rust, Node and Python are all that must be there.

STEP := @.ci/step
CARGO := cargo
WASM := wasm32-unknown-unknown
VERIFY := tests/verify
WORKER := web/edge/dist/worker.js
WORKER_SOURCES := Cargo.toml Cargo.lock web/Cargo.toml web/pack.mjs web/edge/build.mjs \
	$(shell find core/src core/Cargo.toml web/src web/package web/edge/src -type f)
NODE_MODULES := web/node_modules/.package-lock.json
MUTANTS_VERSION := 27.1.0
MUTANTS := target/cargo-mutants-$(MUTANTS_VERSION)/bin/cargo-mutants

.PHONY: run release test setup setup-toolchain simulate breaks mutants edge edge-build

# The desk on 127.0.0.1:8080, with its data in hookdesk.db in this folder.
run:
	$(CARGO) run --release --locked --package hookdesk -- serve

# target/release/hookdesk, and nothing started.
release:
	$(CARGO) build --release --locked --package hookdesk

# Every test there is. The runner's own summary comes last.
test: setup
	$(STEP) format $(CARGO) fmt --all --check
	$(STEP) wasm $(CARGO) build --locked --package hookdesk-web --target $(WASM)
	$(STEP) lint $(CARGO) clippy --locked --workspace --all-targets -- --deny warnings
	$(STEP) build $(CARGO) build --locked --workspace --all-targets
	$(STEP) examples $(CARGO) test --locked --workspace --doc
	$(STEP) tests .ci/tests
	$(MAKE) --no-print-directory edge-build
	$(STEP) edge-types web/node_modules/.bin/tsc --project web/edge/tsconfig.json
	$(STEP) border web/node_modules/.bin/node --test web/edge/border.test.mjs
	$(STEP) edge-dry-run .ci/edge-dry-run
	$(STEP) edge-tests .ci/edge-tests

# The edge worker with its object, open to this machine, until interrupted:
# `make edge [PORT=p] [DATA=dir]`.
PORT := 8787
DATA := hookdesk-edge
edge: edge-build
	@HOOKDESK_OPEN=1 exec web/node_modules/.bin/node web/edge/local.mjs $(PORT) '$(DATA)'

edge-build: setup-toolchain $(WORKER)

$(WORKER): $(NODE_MODULES) $(WORKER_SOURCES)
	$(STEP) package node web/pack.mjs
	$(STEP) worker node web/edge/build.mjs

# Simulated worlds: `make simulate SEEDS=n [FIRST=k]`, one again with PLAN=seed or PLAN='{…}', and
# STORES=all to run each over memory and SQLite.
SEEDS ?= 1000
FIRST ?= 0
STORES ?= memory
simulate:
	@$(CARGO) run --release --quiet --locked --package hookdesk-tests --bin simulate -- \
	  --stores $(STORES) --seeds $(SEEDS) --first $(FIRST) $(if $(PLAN),--plan '$(PLAN)')

# One rule after another is broken in a copy, and must be noticed.
breaks:
	@$(CARGO) run --quiet --locked --package hookdesk-tests --bin breaks

# Breaks the core's lines one by one and sees that its tests notice. SHARD=0/4 breaks a quarter of
# them, as do 1/4, 2/4 and 3/4.
mutants: $(MUTANTS)
	$(STEP) mutants env HOOKDESK_WORLDS=200 .ci/mutants $(MUTANTS) mutants $(if $(SHARD),--shard $(SHARD))

$(MUTANTS):
	$(STEP) cargo-mutants $(CARGO) install cargo-mutants --locked --version $(MUTANTS_VERSION) \
		--root target/cargo-mutants-$(MUTANTS_VERSION)

# What the tests need beside Rust: the wasm target, and the published libraries that check signatures.
setup: $(VERIFY)/node_modules/.package-lock.json $(VERIFY)/.venv/installed setup-toolchain

setup-toolchain:
	$(STEP) toolchain .ci/toolchain $(WASM)

$(NODE_MODULES): web/package-lock.json
	$(STEP) npm-web npm ci --prefix web --no-audit --no-fund --loglevel error
	@touch $@

$(VERIFY)/node_modules/.package-lock.json: $(VERIFY)/package-lock.json
	$(STEP) npm npm ci --prefix $(VERIFY) --no-audit --no-fund --loglevel error
	@touch $@

$(VERIFY)/.venv/installed: $(VERIFY)/requirements.txt
	$(STEP) venv python3 -m venv $(VERIFY)/.venv
	$(STEP) pip $(VERIFY)/.venv/bin/python -m pip install --quiet --requirement $(VERIFY)/requirements.txt
	@touch $@
