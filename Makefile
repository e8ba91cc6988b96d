# HookDesk's commands. Each does its own set-up: Rust, Node and Python are all that must be there.

STEP := @.ci/step
CARGO := cargo
WASM := wasm32-unknown-unknown
VERIFY := tests/verify
MUTANTS_VERSION := 27.1.0
MUTANTS := target/cargo-mutants-$(MUTANTS_VERSION)/bin/cargo-mutants

.PHONY: run release test setup simulate breaks mutants

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
setup: $(VERIFY)/node_modules/.package-lock.json $(VERIFY)/.venv/installed
	$(STEP) toolchain .ci/toolchain $(WASM)

$(VERIFY)/node_modules/.package-lock.json: $(VERIFY)/package-lock.json
	$(STEP) npm npm ci --prefix $(VERIFY) --no-audit --no-fund --loglevel error
	@touch $@

$(VERIFY)/.venv/installed: $(VERIFY)/requirements.txt
	$(STEP) venv python3 -m venv $(VERIFY)/.venv
	$(STEP) pip $(VERIFY)/.venv/bin/python -m pip install --quiet --requirement $(VERIFY)/requirements.txt
	@touch $@
