# GNU make. `make demo` and `make test` work on a fresh machine: they set up .venv once, from the locks, and then run.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9

# Twice quiet: errors only.
PIP := $(BIN)/python -m pip -qq
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# A process that may not keep compiled modules compiles them at every start: four seconds instead of one, of which the
# demo's orders notice something when its router is killed and started again.
unexport PYTHONDONTWRITEBYTECODE

# A stamp says that a set-up step is done; it is repeated when what it was made from is newer. The development set
# contains the runtime set in the same versions, so it counts as both.
MADE := $(VENV)/made.stamp
RUNTIME := $(VENV)/runtime.stamp
DEV := $(VENV)/dev.stamp

COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test lint matrix bench night mutants format lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(RUNTIME) ## Show the router on emulated exchanges (ARGS="..." is passed on)
	@$(BIN)/quantum-trader demo $(ARGS)

test: lint ## Lint, then every test (ARGS="..." is passed to pytest)
	@$(BIN)/python -m pytest $(ARGS)

lint: $(DEV) ## Style, format, types and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

matrix: $(DEV) ## Run the conformance suite and write its matrix to docs/venues/conformance.md
	@$(BIN)/python -m pytest tests/conformance --write-matrix $(ARGS)

bench: $(DEV) ## Measure the published figures
	@$(BIN)/python -m benchmarks $(ARGS)

night: $(DEV) ## The long runs: many seeds, many faults, a million simulated intents
	@$(BIN)/python -m benchmarks.night $(ARGS)
	@$(BIN)/python -m benchmarks.simulating
	@$(BIN)/python -m benchmarks.mutants

mutants: $(DEV) ## Break the program in known ways and count what the simulation notices
	@$(BIN)/python -m benchmarks.mutants $(ARGS)

format: $(DEV) ## Rewrite the code in the house format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: ## Renew requirements/*.txt from pyproject.toml (ARGS=--upgrade moves every version)
	@$(check_python)
	@room=$$(mktemp -d) && trap 'rm -rf "$$room"' EXIT && $(PYTHON) -m venv "$$room" && PATH="$$room/bin:$$PATH" && \
	python -m pip -qq install uv==$(UV_VERSION) && \
	$(COMPILE) $(ARGS) pyproject.toml requirements/build.in --output-file requirements/runtime.txt && \
	$(COMPILE) $(ARGS) pyproject.toml --group dev --constraint requirements/runtime.txt --output-file requirements/dev.txt

clean: ## Remove .venv, caches and build products
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

define check_python
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "Quantum Trader needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true)."; \
	echo "Name another one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; } >&2
endef

define install
@echo "Installing $< ..." >&2
@$(PIP) install --require-hashes --no-deps --no-compile -r $<
@$(PIP) install --no-deps --no-build-isolation --editable .
endef

$(MADE):
	@$(check_python)
	@echo "Making $(VENV) ..." >&2
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(RUNTIME): requirements/runtime.txt pyproject.toml | $(MADE)
	$(install)
	@touch $@

$(DEV): requirements/dev.txt pyproject.toml | $(MADE)
	$(install)
	@touch $(RUNTIME) $@
