# Needle. `make app` opens it in the browser; `make help` lists the rest.

PYTHON ?= python3
PORT   ?= 8501
VENV   := .venv
BIN    := $(VENV)/bin
# Files of tests share nothing and run side by side, the longest first; browsers want the machine.
SIDE_BY_SIDE := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help app test lint benchmarks format clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-12s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

app: $(VENV)/.app  ## start Needle in the browser (PORT=8501)
	$(BIN)/python -m streamlit run app.py --server.address localhost --server.port $(PORT)

test: lint  ## check the style, then run every test: unit, pages, browser
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) tests/faults tests/test_architecture.py tests/unit tests/ui
	$(BIN)/python -m pytest tests/e2e

lint: $(VENV)/.dev  ## check the style only
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

benchmarks: $(VENV)/.app  ## measure what README's performance table says
	$(BIN)/python -m benchmarks

format: $(VENV)/.dev  ## repair what can be repaired by itself
	$(BIN)/python -m ruff check --fix --exit-zero .
	$(BIN)/python -m ruff format .

clean:  ## remove the environment and caches; data and models stay
	rm -rf $(VENV) .pytest_cache .ruff_cache test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamp files: an environment is made once and brought up to date when a pin changes.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Needle needs Python 3.11 or newer, and '$(PYTHON)' is not."; \
		echo "Name another one: make app PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Could not make $(VENV). On Debian and Ubuntu: sudo apt-get install python3-venv"; exit 1; }

$(VENV)/.app: requirements.txt | $(VENV)/bin/python
	@echo "Installing what Needle runs on; this takes some minutes, once."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.app
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
