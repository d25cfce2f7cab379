# Every target does all of its own set-up (.ci/setup.py) and is quick when nothing has changed.
#   make run ARGS="--listen 127.0.0.1:9001"      make test ARGS="tests/core -x"      make PYTHON=python3.13 test

BIN := .venv/bin
PYTHON ?= $(shell $(BIN)/python -c "" 2>/dev/null && echo $(BIN)/python || echo python3)
SOURCES := app core resources tests .ci
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help run test lint fmt types unit package self-test bench bench-relay conformance fuzz hostile lock clean python set-up-run set-up-dev set-up-build

help:
	@echo "make run        start Unmask"
	@echo "make test       lint, format check, types, all tests"
	@echo "make package    one-folder executable in dist/ (PyInstaller)"
	@echo "make self-test  the packaged executable checks itself, away from the sources"
	@echo "make bench      throughput and latency against other libraries"
	@echo "make bench-relay  what a relay costs, against one that only copies bytes (ARGS=\"--mitmdump PATH\")"
	@echo "make conformance  the independent Autobahn cases, all of them, as server, client and relay (some minutes)"
	@echo "make fuzz       hostile input, guided by coverage: a minute for each target (ARGS=\"connection --seconds 3600\")"
	@echo "make hostile    what hostile input costs in time and memory"
	@echo "make lint       lint and format check     make fmt    put both right"
	@echo "make lock       renew .ci/locks           make clean  remove what was built (.venv stays)"

python:
	@$(PYTHON) -c "" 2>/dev/null || { echo "There is no $(PYTHON) here. Install Python 3.11, 3.12 or 3.13, or name one: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" || { echo "Unmask needs Python 3.11, 3.12 or 3.13; $(PYTHON) is `$(PYTHON) -V 2>&1`. Name another: make PYTHON=/path/to/python3 ..." >&2; exit 1; }

set-up-run set-up-dev set-up-build: set-up-%: python
	@$(PYTHON) .ci/setup.py $*

run: set-up-run
	@$(BIN)/unmask $(ARGS)

test: lint types unit

lint: set-up-dev
	@echo "== ruff check" && $(BIN)/ruff check $(SOURCES)
	@echo "== ruff format" && $(BIN)/ruff format --check $(SOURCES)

types: set-up-dev
	@echo "== mypy --strict" && $(BIN)/mypy

unit: set-up-dev
	@echo "== pytest" && $(BIN)/python -m pytest $(ARGS)

fmt: set-up-dev
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

package: set-up-build
	@echo "== PyInstaller" && $(BIN)/python -m PyInstaller --noconfirm --clean --log-level WARN build.spec
	@du -sh dist/unmask

self-test: package
	@echo "== self-test of the package" && $(BIN)/python .ci/self_test.py $(ARGS)

bench: set-up-dev
	@$(BIN)/python -m tests.bench $(ARGS)

bench-relay: set-up-dev
	@$(BIN)/python -m tests.bench.relays --window --rules $(ARGS)
	@$(BIN)/python -m tests.bench.relays --tls

conformance: set-up-dev
	@$(BIN)/python -m tests.conformance $(ARGS)

fuzz: set-up-dev
	@$(BIN)/python -m tests.fuzz $(ARGS)

hostile: set-up-dev
	@$(BIN)/python -m tests.bench.hostile $(ARGS)
	@$(BIN)/python -m tests.bench.relay_soak

lock: python
	@$(PYTHON) .ci/lock.py

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
	find $(SOURCES) -type d -name __pycache__ -prune -exec rm -rf {} +
