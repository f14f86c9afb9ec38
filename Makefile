# Each target does its own set-up; a machine with Python and pip is enough.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# uv where it is installed, else one of our own in .uv/, which nothing outside this folder sees.
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN = $(UV) run --frozen
SITE = docs/_build
BENCHES = proxy lineprotocol strategies judging

.PHONY: help setup demo test test-servers test-browser lint types docs package bench mutation ci clean

help:  ## Show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# Any Python with pip will do, whatever its version: uv then finds the one that .python-version names. A version manager
# may have put names on the path that do not run, so each is tried.
.uv/bin/uv:
	@for python in python3.13 python3.12 python3 python; do \
	  if $$python -m pip --version >/dev/null 2>&1; then \
	    exec $$python -m pip install --quiet --disable-pip-version-check --root-user-action ignore --upgrade --target .uv uv; \
	  fi; \
	done; \
	echo "make: no Python with pip on the path; expected python3.13, python3.12, python3 or python" >&2; exit 1

setup: $(filter .uv/%,$(UV))  ## Install everything into .venv/
	@$(UV) sync --frozen --quiet

demo: setup  ## Fail a real client three times, and judge it
	@$(RUN) python examples/demo.py

# One more at a time than there are processors: many of them wait.
test: setup  ## Run the tests
	$(RUN) pytest -q -n $$(( $$(nproc) + 1 )) --dist worksteal

# Fetched first, so that where they cannot be had one line says why.
test-servers: setup  ## Run the tests against real servers, which apt fetches into .servers/
	$(RUN) python -m tests.servers.packages
	$(RUN) pytest -q -m servers tests/servers

# The browser is Debian's: no build of its own is downloaded by the library that drives it.
test-browser: setup  ## Open HTML reports in a real browser, which apt fetches into .servers/
	$(RUN) --group browser python -m tests.browser.chromium
	$(RUN) --group browser pytest -q -m browser tests/browser

lint: setup  ## Check style and format
	$(RUN) ruff check .
	$(RUN) ruff format --check .

types: setup  ## Check types against the installed wheel
	$(RUN) python -m tests.packaging.typed

# Read anew each time, because a page that has not changed is not warned of again.
docs: setup  ## Build the documentation into docs/_build/, warnings being errors
	$(RUN) --group docs sphinx-build -W --keep-going -E -q -b html docs $(SITE)
	@echo $(SITE)/index.html

package: setup  ## Build the sdist and the wheel, install the wheel elsewhere, run one fault through it
	$(RUN) python -m tests.packaging.wheel

bench: setup  ## Measure what an exchange, a line, a draw and a verdict cost; BENCH=--quick for five minutes' worth
	@status=0; for name in $(BENCHES); do \
	  $(RUN) --group bench python benchmarks/$$name.py $(BENCH) || status=$$?; \
	done; exit $$status

mutation: setup  ## Change the judge in every small way and count what no test notices; a quarter of an hour
	$(RUN) --with mutmut==3.8.1 python -m tests.mutation

ci:  ## Everything that has to hold
	.ci/run

clean:  ## Remove what the targets made
	rm -rf .venv .uv .servers $(SITE) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
