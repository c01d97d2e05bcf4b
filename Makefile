# `make run` and `make test` need Python 3.11+ and make, nothing else; PYTHON= and VENV= choose others.
VENV ?= .venv
PYTHON ?= python3
STUDY ?= configs/capped_pillar/blackparrot.yaml

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Compiling is most of what tests do: as little as XLA can, in as many processes as there are cores, up to eight.
QUICK := XLA_FLAGS=--xla_backend_optimization_level=0
SPREAD := -n auto --maxprocesses 8 --dist loadfile
# Benchmarks run alone: pytest's own options leave them, the slow and the GPU tests out.
BENCH := -o addopts= --import-mode=importlib --strict-markers --benchmark-only

.PHONY: run test slow check bench format

run: $(INSTALLED)
	$(BIN)/yieldopt optimize $(STUDY)

test: $(INSTALLED)
	$(QUICK) $(BIN)/python -m pytest -q $(SPREAD)

slow: $(INSTALLED)
	$(BIN)/python -m pytest -q -m slow

check: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

bench: $(INSTALLED)
	$(BIN)/python -m pytest tests/benchmarks $(BENCH)

format: $(INSTALLED)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Expected Python 3.11 or newer; got '"$$($(PYTHON) -V 2>&1)"'. Name one: make PYTHON=python3.12 ...' >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]' -c constraints.txt
	touch $@
