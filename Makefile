# Everything here needs only make and Python 3.11 or later: the first target that is asked for makes
# .venv with pinned packages. `make help` lists the targets.
VENV ?= .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
PYTEST_ARGS ?= --numprocesses 2 --dist loadgroup
BENCH_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types contracts bench docs format pins clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: $(VENV)/.ready-base ## a simulated PI server, a run, a kill, a second run, the proof: no server needed
	@$(BIN)/pi-lakeflow demo

test: $(VENV)/.ready-dev ## all tests
ifeq ($(origin PYTEST_ARGS),file)
	@$(BIN)/python -m pytest $(PYTEST_ARGS) -m "not alone"
	@$(BIN)/python -m pytest -m alone
else
	@$(BIN)/python -m pytest $(PYTEST_ARGS)
endif

check: lint types contracts docs ## everything that needs no running: style, types, rooms, documentation

lint: $(VENV)/.ready-dev
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/python scripts/suppressions.py
	@$(BIN)/python scripts/hygiene.py

types: $(VENV)/.ready-dev
	@$(BIN)/mypy

contracts: $(VENV)/.ready-dev
	@$(BIN)/lint-imports --no-logo

docs: $(VENV)/.ready-dev ## the documentation as a web site, in site/
	@$(BIN)/python scripts/generate_docs.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: $(VENV)/.ready-dev ## the benchmarks, with their report
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

format: $(VENV)/.ready-dev ## rewrite the code as `make check` wants it
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

pins: ## write requirements/*.txt anew from pyproject.toml
	@scripts/pins.sh --upgrade

clean: ## remove what make has made
	rm -rf $(VENV) site build dist demo .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

# Set-up runs once, and again when the pins or the package's metadata change.
$(VENV)/.ready-base: requirements/base.txt pyproject.toml scripts/setup.sh
	@scripts/setup.sh $(VENV) requirements/base.txt
	@touch $@

$(VENV)/.ready-dev: requirements/dev.txt $(VENV)/.ready-base
	@scripts/setup.sh $(VENV) requirements/dev.txt
	@touch $@
