# Every target is safe to repeat. PYTHON is any python3 from 3.11 on, without packages.
PYTHON ?= python3
# Files and pipes are UTF-8 whatever the locale says.
export PYTHONUTF8 := 1
BIN := $(CURDIR)/.venv/bin
# Programs of the checkout first; nginx is often in an sbin that is not on PATH.
RUN := PATH="$(BIN):$(CURDIR)/.toolchain/bin:$$PATH:/usr/local/sbin:/usr/sbin"
# Without compiled modules (some machines forbid to write them) each of some thousand processes would compile its own.
PYTEST := $(RUN) PYTHONDONTWRITEBYTECODE= "$(BIN)/python" -m pytest --dist loadfile --timeout 300

# The sandbox's ports; not given, they are those of the last time, at first 17000 and 20000.
PORT_BASE ?=
LISTENER_BASE ?=
BASES = --port-base "$(PORT_BASE)" --listener-base "$(LISTENER_BASE)"

.DEFAULT_GOAL := help
.PHONY: help up preview down test test-all campaigns oracle bench docs lint toolchain test-toolchain drawings picture

help: ## say what there is (this)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

up: ## from a bare clone to a proven listener: engine, sandbox, pulumi up of stack dev, handshake matrix; other ports: PORT_BASE=27000
	@$(PYTHON) -m dev.port_bases $(BASES)
	@$(MAKE) --no-print-directory toolchain
	@"$(BIN)/python" -m dev.up up $(BASES)

preview: ## start the sandbox and show what pulumi up would change in stack dev
	@$(PYTHON) -m dev.port_bases $(BASES)
	@$(MAKE) --no-print-directory toolchain
	@"$(BIN)/python" -m dev.up preview $(BASES)

down: ## pulumi destroy of stack dev, then stop the sandbox; nothing is left running
	@if [ -x "$(BIN)/python" ]; then "$(BIN)/python" -m dev.up down; else echo "nothing was made here, so there is nothing to take down"; fi

# Contract tests mostly wait, so more of them than cores run at a time; engines do not.
test: test-toolchain ## the tests that hold the main promises, eleven minutes; a part of them: make test ONLY="tests/unit -k path"
ifdef ONLY
	@$(PYTEST) $(ONLY)
else
	@status=0; \
	$(PYTEST) tests/unit tests/component -n 2 || status=1; \
	$(PYTEST) tests/contract -m "not campaign" -n 4 || status=1; \
	$(PYTEST) tests/integration -m "not campaign" -n 2 --timeout 900 || status=1; \
	exit $$status
endif

test-all: ## all tests: also every kill point, rotation under load, fault matrices, corpora; half an hour
	@status=0; \
	$(MAKE) --no-print-directory test || status=1; \
	$(MAKE) --no-print-directory campaigns || status=1; \
	exit $$status

campaigns: test-toolchain # what `make test` leaves to `make test-all`
	@status=0; \
	$(PYTHON) -m dev.toolchain campaigns || status=1; \
	PROPERTY_TESTS=explore $(PYTEST) tests/unit tests/contract -m hypothesis -n 2 || status=1; \
	$(PYTEST) tests/contract -m campaign -n 3 || status=1; \
	$(PYTEST) tests/integration -m campaign -n 2 --timeout 900 || status=1; \
	exit $$status

oracle: test-toolchain ## hold what stands in for plugins against the real ones; builds the one of kubernetes (six minutes, 4.6 GB); a part: ORACLE=tls
	@$(RUN) "$(BIN)/python" -m tests.oracle $(ORACLE)

bench: test-toolchain ## what previews and first deployments cost by the size of a stack, beside an empty program and openssl's loop; into docs/performance.md: BENCH=--write
	@"$(BIN)/python" -m compileall -q alb_mutual_tls components dev
	@$(RUN) "$(BIN)/python" -m benchmarks $(BENCH)

docs: toolchain ## the documentation as a site that is searched without a network: build/site/index.html
	@"$(BIN)/python" -m dev.site

lint: toolchain ## ruff, formatting, types, layers
	@status=0; \
	"$(BIN)/ruff" check . || status=1; \
	"$(BIN)/ruff" format --check . || status=1; \
	"$(BIN)/mypy" || status=1; \
	"$(BIN)/lint-imports" || status=1; \
	exit $$status

toolchain: ## what the others need: Python environment, engine, control plane, nginx (minutes once, then nothing)
	@$(PYTHON) -m dev.toolchain

test-toolchain: ## the same, and the programs that only tests start; one that cannot be had is said
	@$(PYTHON) -m dev.toolchain tests

drawings: # the drawings of docs/ anew from their text; needs Go and the Go module proxy (three minutes once)
	@for source in docs/drawings/*.d2; do \
		go run oss.terrastruct.com/d2@v0.7.1 --theme 0 --dark-theme 200 --pad 20 "$$source" "$${source%.d2}.svg" || exit 1; \
	done

picture: # the terminal picture of README.md anew, from a real run; after make up
	@"$(BIN)/python" -m dev.picture docs/drawings/verify.svg
