# Everything runs in a virtual environment of its own, .venv, which is made when it is missing and renewed when setup.cfg changes.
#
#   make demo            swaps, a deploy, a roll-back and a kill -9 under load, and a verdict; KEEP=1 leaves it running
#   make test            unit and live tests;                     make test ARGS="-k swap -x"
#   make bench           the benchmarks, some 20 minutes;    make bench ARGS=--quick
#   make chaos           random faults under load;  make chaos SEED=7 FAULTS=100 DIALECT=hooks APP=threads
#   make clean
#
#   PYTHON=python3.9 make demo    with another Python

PYTHON ?= python3
VENV = .venv
MADE = $(VENV)/made-by-$(notdir $(PYTHON))
RUN = $(VENV)/bin/python -m

.PHONY: demo test bench chaos clean

demo: $(VENV)/has-demo
	$(RUN) supervisor_zerg.demo $(if $(KEEP),--keep) $(ARGS)

test: $(VENV)/has-test
	$(RUN) pytest -n 2 $(ARGS)

bench: $(VENV)/has-bench
	$(RUN) benchmarks $(ARGS)

chaos: $(VENV)/has-test
	$(RUN) tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(FAULTS),--faults $(FAULTS)) \
	    $(if $(DIALECT),--dialect $(DIALECT)) $(if $(APP),--app $(APP)) $(ARGS)

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
	$(PYTHON) -m venv --clear $(VENV)
	touch $@

$(VENV)/has-%: $(MADE) setup.cfg pyproject.toml
	$(RUN) pip --disable-pip-version-check install --quiet -e ".[$*]"
	touch $@
