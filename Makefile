# Two commands on a fresh machine: make demo, make test. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false

.DEFAULT_GOAL := help
.PHONY: help demo test fuzz lint types docs bench clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

# torch first and by version: a plain `torch` brings gigabytes that no CPU needs.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(VENV)/installed ## Climb the ladder of studies/insurance-email with the embedded models
	$(BIN)/tailorbird climb studies/insurance-email

test: $(VENV)/installed lint types ## Set everything up and run all checks and tests
	$(BIN)/python -m pytest

fuzz: $(VENV)/installed ## Draw new cases in the tests that draw theirs (`test` draws the same ones)
	TAILORBIRD_HYPOTHESIS=fuzz $(BIN)/python -m pytest -m hypothesis

lint: $(VENV)/installed ## Check style
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .

types: $(VENV)/installed ## Check types
	$(BIN)/mypy

docs: $(VENV)/installed ## Write the generated pages (command line, schema)
	$(BIN)/python docs/generate.py

bench: $(VENV)/installed ## Measure speed: evaluation with a shared prefix against plain generate
	$(BIN)/python benchmarks/evaluation.py

clean: ## Remove the environment and all runs
	rm -rf $(VENV) runs build
