# Each target does its own set-up; a machine with Python and pip is enough.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# uv where it is installed, else one of our own in .uv/, which nothing outside this folder sees.
UV := $(shell command -v uv 2>/dev/null || echo $(CURDIR)/.uv/bin/uv)
RUN = $(UV) run --frozen

.PHONY: help setup demo test lint types package bench ci clean

help:  ## Show what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(CURDIR)/.uv/bin/uv:
	python3 -m venv .uv
	.uv/bin/python -m pip install --quiet uv

setup: $(filter $(CURDIR)/%,$(UV))  ## Install everything into .venv/
	@$(UV) sync --frozen --quiet

demo: setup  ## Fail a real client three times, and judge it
	@$(RUN) python examples/demo.py

test: setup  ## Run the tests
	$(RUN) pytest -q

lint: setup  ## Check style and format
	$(RUN) ruff check .
	$(RUN) ruff format --check .

types: setup package  ## Check types against the built wheel
	$(RUN) python tests/packaging/types.py

package: setup  ## Build the wheel and the sdist, install the wheel elsewhere, run one fault through it
	$(RUN) python tests/packaging/wheel.py

bench: setup  ## Measure what runs per exchange and per line, as ratios
	$(RUN) python benchmarks/proxy.py

ci:  ## Everything that has to hold
	.ci/run

clean:  ## Remove what the targets made
	rm -rf .venv .uv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
