.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
FUZZ_EXAMPLES ?= 5000
FUZZ_MUTANTS ?= 200000
FUZZ_SEED ?= 1
CORES ?= $(shell getconf _NPROCESSORS_ONLN)
export UV_SYSTEM_CERTS ?= true
export SIGSTEP_SHARED ?= $(abspath $(CURDIR)/../shared)

.PHONY: help
help: ## list every target
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 12

$(VENV)/.ready: pyproject.toml requirements/dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

ORACLE := tests/flows/oracle_js
$(ORACLE)/node_modules/.package-lock.json: $(ORACLE)/package-lock.json
	npm ci --prefix $(ORACLE) --silent --ignore-scripts --no-audit --no-fund
	@touch $@

# wheels for the Action's own set-up step and for scripts/build.sh, so that their tests stay on loopback
$(VENV)/wheelhouse/.ready: requirements/action.txt requirements/build.txt $(VENV)/.ready
	for lock in action build; do $(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
	  --only-binary :all: -r requirements/$$lock.txt -d $(VENV)/wheelhouse || exit 1; done
	@touch $@

.PHONY: setup
setup: $(VENV)/.ready $(VENV)/wheelhouse/.ready $(ORACLE)/node_modules/.package-lock.json ## make the virtual environment with everything the other targets need

LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header
.PHONY: lock
lock: setup ## write the locks anew: LOCK_FLAGS=--upgrade takes the newest versions
	$(LOCK) $(LOCK_FLAGS) --python-version 3.10 --extra action --extra deps --no-emit-package pygithub --no-emit-package pynacl pyproject.toml -o requirements/action.txt
	echo "build hatchling" | tr ' ' '\n' | $(LOCK) $(LOCK_FLAGS) --python-version 3.10 --no-annotate - -o requirements/build.txt
	$(LOCK) $(LOCK_FLAGS) --python-version 3.10 --all-extras --group dev --group docs -c requirements/action.txt -c requirements/build.txt \
	  pyproject.toml -o requirements/dev.txt

.PHONY: demo
demo: setup ## sign, attest and verify this project's own wheel and sdist on loopback; leaves demo-out/
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python scripts/demo.py demo-out

.PHONY: test
test: setup ## run the tests with branch coverage (no network beyond loopback)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report=term

.PHONY: check
check: setup docs ## ruff, mypy, import contracts, documentation
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

.PHONY: corpus
corpus: setup ## run the shared public cases ($SIGSTEP_SHARED)
	@test -d "$(SIGSTEP_SHARED)" || { echo "make corpus: no folder $(SIGSTEP_SHARED); set SIGSTEP_SHARED" >&2; exit 2; }
	$(BIN)/python -m pytest -n $(WORKERS) tests/corpus

.PHONY: interop
interop: setup ## real servers and clients; needs Go, fails where it is missing
	@command -v go >/dev/null || { echo "make interop: Go is not on PATH" >&2; exit 2; }
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.interop.tools
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest tests/interop
	PATH="$(CURDIR)/$(BIN):$$PATH" SIGSTEP_STACK=real $(BIN)/python -m pytest tests/flows/test_main_line.py

.PHONY: bench
bench: setup ## measure; one file in bench/ for each figure
	@for file in bench/*.py; do echo "== $$file"; PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH="$(CURDIR)" $(BIN)/python $$file || exit 1; done

.PHONY: fuzz
fuzz: setup ## random and damaged input for every reader; mutants judged by three verifiers
	SIGSTEP_FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest -n $(WORKERS) tests/properties
	seq $(FUZZ_SEED) $$(($(FUZZ_SEED) + $(CORES) - 1)) | \
	  xargs -P $(CORES) -I SEED $(BIN)/python -m tests.properties.agreement $$(($(FUZZ_MUTANTS) / $(CORES))) SEED

.PHONY: docs
docs: setup ## build the documentation, strictly
	$(BIN)/python scripts/reference.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --site-dir site
