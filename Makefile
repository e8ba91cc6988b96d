# HookDesk's commands. Each does its own set-up: Rust, Node and Python are all that must be there.

STEP := @.ci/step
CARGO := cargo
# Cargo's profile of what is built to be used. `dev` is built in less time, as the tests build it, and
# runs slower.
PROFILE ?= release
# A package by itself has none of the features that only others ask for.
ALONE = $(if $(filter dev,$(PROFILE)),,--package $(1))
WASM := wasm32-unknown-unknown
VERIFY := tests/verify
WEB := web
# Node of the version that wrangler and SQLite for Node ask for, where npm has it for this machine.
NODE = $(firstword $(wildcard $(WEB)/node_modules/.bin/node) node)
PACKAGE := $(WEB)/pkg/hookdesk-0.1.0.tgz
CHROMIUM_INSTALLED := .ci/program $(or $(CHROMIUM),/usr/bin/chromium) chromium fonts-dejavu-core
SITE := $(WEB)/site
PAGE := $(SITE)/dist/index.html
PAGE_SOURCES := $(wildcard $(SITE)/*.html) $(SITE)/vite.config.ts $(shell find $(SITE)/src $(SITE)/public -type f)
WORKER := $(WEB)/edge/dist/worker.js
WEB_SOURCES := Cargo.lock Cargo.toml $(WEB)/Cargo.toml $(WEB)/pack.mjs $(shell find core/src $(WEB)/src -type f) \
  $(shell find $(WEB)/package -type f)
MUTANTS_VERSION := 27.1.0
MUTANTS := target/cargo-mutants-$(MUTANTS_VERSION)/bin/cargo-mutants

.PHONY: run release page console test setup simulate bench breaks mutants fuzz pack edge worker golden \
  test-built test-pack test-lint

# The desk on 127.0.0.1:8080, with its data in hookdesk.db in this folder.
run: page
	$(CARGO) run --profile $(PROFILE) --locked $(call ALONE,hookdesk) --bin hookdesk -- serve

# target/release/hookdesk, and nothing started.
release: page
	$(CARGO) build --profile $(PROFILE) --locked $(call ALONE,hookdesk) --bin hookdesk

# The page, which the binary then has inside.
page: $(PAGE)

$(PAGE): $(PACKAGE) $(PAGE_SOURCES)
	$(STEP) page $(WEB)/node_modules/.bin/vite build $(SITE) --logLevel warn

# The page in a folder that any web server may serve, with the console of a desk of another origin:
# `make console DESK=https://desk.example [TO=folder]`. The desk names it as --cors-origin.
TO ?= target/console
console: $(PACKAGE)
	$(if $(DESK),,$(error Name the desk, as in DESK=https://desk.example))
	@VITE_DESK='$(DESK)' $(WEB)/node_modules/.bin/vite build $(SITE) --logLevel warn --outDir '$(abspath $(TO))' \
	  --emptyOutDir false

# Every test there is. The runner's own summary comes near the end.
test: setup
	$(STEP) toolchain .ci/toolchain $(WASM)
	# Two that leave a core idle, beside each other.
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target --keep-going test-pack test-lint
	@$(MAKE) --no-print-directory test-built

# By a make of its own, which finds the Node that was installed by then.
test-built: worker page
	$(STEP) chromium $(CHROMIUM_INSTALLED)
	$(STEP) nginx .ci/program nginx nginx-light
	$(STEP) openssl .ci/program openssl openssl
	$(STEP) postgresql .ci/program pg_ctlcluster postgresql
	$(STEP) pgbouncer .ci/program pgbouncer pgbouncer
	$(STEP) package node tests/package/check.mjs
	# Examples are checked by the lints, and nothing runs them.
	$(STEP) build $(CARGO) build --locked --workspace --bins --tests
	$(STEP) page-types $(WEB)/node_modules/.bin/svelte-check --workspace $(SITE) --tsconfig ./tsconfig.json \
	  --fail-on-warnings
	$(STEP) page-logic $(NODE) $(WEB)/node_modules/vitest/vitest.mjs run --root $(SITE) --reporter dot
	$(STEP) examples $(CARGO) test --locked --workspace --doc
	$(STEP) border $(NODE) --test $(WEB)/edge/border.test.mjs
	$(STEP) deployable .ci/edge-dry-run
	$(STEP) golden $${CARGO_TARGET_DIR:-target}/debug/golden
	$(STEP) page-stories .ci/postgres node $(SITE)/e2e/run.mjs $${CARGO_TARGET_DIR:-target}/debug/hookdesk
	$(STEP) postgres .ci/postgres .ci/host-tests postgres
	$(STEP) edge .ci/host-tests edge
	$(STEP) budgets .ci/budgets
	$(STEP) tests .ci/tests
	$(STEP) documented .ci/documented

test-pack: pack

test-lint:
	$(STEP) format $(CARGO) fmt --all --check
	$(STEP) lint $(CARGO) clippy --locked --workspace --all-targets -- --deny warnings
	# What `make golden`, `breaks` and `mutants` build.
	$(STEP) lint-hostless $(CARGO) clippy --locked --package hookdesk-tests --no-default-features --lib --bins \
	  --test worlds --test golden -- --deny warnings
	# What `make fuzz` builds; beside the other lints, of which it has the dependencies.
	$(STEP) lint-fuzz $(CARGO) clippy --locked --manifest-path tests/fuzz/Cargo.toml \
	  --target-dir $${CARGO_TARGET_DIR:-target} -- --deny warnings

# Simulated worlds: `make simulate SEEDS=n [FIRST=k]`, one again with PLAN=seed or PLAN='{…}', and
# STORES=all to run each over memory and SQLite.
SEEDS ?= 1000
FIRST ?= 0
STORES ?= memory
simulate:
	@$(CARGO) run --profile $(PROFILE) --quiet --locked $(call ALONE,hookdesk-tests) --bin simulate -- \
	  --stores $(STORES) --seeds $(SEEDS) --first $(FIRST) $(if $(PLAN),--plan '$(PLAN)')

# One transcript in each runtime: `make golden [COMMANDS=n] [SEED=k]`.
COMMANDS ?= 10000
SEED ?= 1
golden: pack
	$(STEP) chromium $(CHROMIUM_INSTALLED)
	@$(CARGO) run --profile $(PROFILE) --quiet --locked $(call ALONE,hookdesk-tests --no-default-features) \
	  --bin golden -- --commands $(COMMANDS) --seed $(SEED)

# One rule after another is broken in a copy, and must be noticed: `make breaks [ONLY=name]`, those
# whose names begin so. LIST=1 shows what would be broken, and that the code has each of those lines.
breaks:
	@$(CARGO) run --quiet --locked --bin breaks -- $(if $(ONLY),--only '$(ONLY)') $(if $(LIST),--list)

# What the desk does for its CPU, beside ceilings of the same run: a JSON line a figure, then the table of
# medians. `make bench [ONLY=row] [BASE=commit]`; BASE is built in target/bench and measured in turn.
# ROUNDS=n and LOAD_S=n for more rounds, and for more seconds of load in each; EVENTS=n for another long backlog.
ROUNDS ?= 3
LOAD_S ?= 3
EVENTS ?= 1000000
BUILT = $${CARGO_TARGET_DIR:-$(CURDIR)/target}/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/hookdesk
bench: release
	$(if $(BASE),$(STEP) base .ci/bench-base $(BASE))
	@.ci/postgres --durable $(CARGO) bench --quiet --profile $(PROFILE) --locked --package hookdesk-tests --bench bench -- \
	  --binary $(BUILT) --rounds $(ROUNDS) --seconds $(LOAD_S) --events $(EVENTS) $(if $(ONLY),--only '$(ONLY)') \
	  $(if $(BASE),--base $(CURDIR)/target/bench/hookdesk-$(BASE))

# What reads strangers' bytes is given what libFuzzer comes up with, for so many seconds in all; the same
# each time with a SEED.
SECONDS ?= 60
fuzz:
	@PROFILE=$(PROFILE) SEED=$(if $(findstring command,$(origin SEED)),$(SEED)) .ci/fuzz $(SECONDS)

# Breaks the core's lines one by one and sees that its tests or simulated worlds notice. SHARD=0/4
# breaks a quarter of them, as do 1/4, 2/4 and 3/4. BY=worlds has worlds alone judge the decisions.
# LIST=1 shows what would be broken.
BY ?= units
mutants: $(MUTANTS)
	$(STEP) mutants $(if $(LIST),$(MUTANTS) mutants --list,.ci/mutants $(BY) $(MUTANTS)) \
	  $(if $(SHARD),--shard=$(SHARD))

$(MUTANTS):
	$(STEP) cargo-mutants $(CARGO) install cargo-mutants --locked --version $(MUTANTS_VERSION) \
		--profile $(PROFILE) --root target/cargo-mutants-$(MUTANTS_VERSION)

# The npm package, as a tarball in web/pkg.
pack: $(PACKAGE)

$(PACKAGE): $(WEB)/node_modules/.package-lock.json $(WEB_SOURCES)
	$(STEP) toolchain .ci/toolchain $(WASM)
	$(STEP) pack node $(WEB)/pack.mjs
	@touch $@

# The desk as a Worker, with its Durable Object, on 127.0.0.1:PORT and with its data in DATA.
PORT := 8787
DATA := hookdesk-edge
edge: worker
	@HOOKDESK_OPEN=1 exec $(NODE) $(WEB)/edge/local.mjs $(PORT) '$(DATA)'

worker: $(WORKER)

$(WORKER): $(PACKAGE) $(wildcard $(WEB)/edge/src/*.ts $(WEB)/edge/*.mjs $(WEB)/edge/*.json)
	$(STEP) types $(WEB)/node_modules/.bin/tsc --project $(WEB)/edge
	$(STEP) worker node $(WEB)/edge/build.mjs
	@touch $@

# What the tests need beside Rust: the published libraries that check signatures.
setup: $(VERIFY)/node_modules/.package-lock.json $(VERIFY)/.venv/installed

%/node_modules/.package-lock.json: %/package-lock.json
	$(STEP) npm npm ci --prefix $* --no-audit --no-fund --loglevel error
	@touch $@

$(VERIFY)/.venv/installed: $(VERIFY)/requirements.txt
	$(STEP) venv python3 -m venv $(VERIFY)/.venv
	$(STEP) pip $(VERIFY)/.venv/bin/python -m pip install --quiet --requirement $(VERIFY)/requirements.txt
	@touch $@
