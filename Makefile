# Everything runs in a virtual environment of its own, .venv, which is made when it is missing and renewed when setup.cfg changes.
#
#   make demo            swaps, a deploy, a roll-back and a kill -9 under load, and a verdict; KEEP=1 leaves it running
#   make test            unit and live tests;                     make test ARGS="-k swap -x"
#   make lint            ruff, import-linter and mypy: half a minute
#   make format          let ruff fix and format
#   make nox             nox, on every Python that is installed;  make nox ARGS="-s unit-3.9"
#   make docs            the pages and zergctl(1), in docs/_build
#   make bench           the benchmarks, some 20 minutes;         make bench ARGS=--quick
#   make chaos           random faults under load;  make chaos SEED=7 FAULTS=100 DIALECT=hooks APP=threads
#   make clean
#
#   PYTHON=python3.9 make demo    with another Python

PYTHON ?= python3
VENV = .venv
MADE = $(VENV)/made-by-$(notdir $(PYTHON))
RUN = $(VENV)/bin/python -m

.PHONY: demo test lint format nox docs bench chaos clean

demo: $(VENV)/has-demo
	$(RUN) supervisor_zerg.demo $(if $(KEEP),--keep) $(ARGS)

test: $(VENV)/has-test
	$(RUN) pytest -n 2 $(ARGS)

lint: $(VENV)/has-lint
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(VENV)/bin/lint-imports
	$(RUN) mypy

format: $(VENV)/has-lint
	$(RUN) ruff check --fix
	$(RUN) ruff format

nox: $(VENV)/has-dev
	$(RUN) nox $(ARGS)

docs: $(VENV)/has-docs
	$(RUN) sphinx -W -b html docs docs/_build/html
	$(RUN) sphinx -W -b man docs docs/_build/man

bench: $(VENV)/has-bench
	$(RUN) benchmarks $(ARGS)

chaos: $(VENV)/has-test
	$(RUN) tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(FAULTS),--faults $(FAULTS)) \
	    $(if $(DIALECT),--dialect $(DIALECT)) $(if $(APP),--app $(APP)) $(ARGS)

clean:
	rm -rf $(VENV) .nox build dist docs/_build *.egg-info .coverage .hypothesis .*_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# an old pip cannot choose what fits an old Python
$(MADE):
	$(PYTHON) -m venv --clear $(VENV)
	$(RUN) pip --disable-pip-version-check install --quiet --upgrade pip
	touch $@

$(VENV)/has-%: $(MADE) setup.cfg pyproject.toml
	$(RUN) pip --disable-pip-version-check install --quiet -e ".[$*]"
	touch $@
