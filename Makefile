# Everything installs into the Python that is active: a fresh virtual environment is best.
PYTHON ?= python3
PIP = $(PYTHON) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test soak lint types bench install

demo:     ## install Fathom and watch it at work
	$(PIP) .
	fathom demo

test:     ## install what is missing and run the whole test suite
	$(PYTHON) -m tests

soak:     ## the minutes-long tests too: hundreds of killed trainings
	$(PYTHON) -m tests --soak

lint: install
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types: install
	$(PYTHON) -m mypy

bench:    ## what recording costs, beside its peers: hours; add BENCH="--models mlp --repeats 1"
	$(PIP) --editable ".[bench]"
	$(PIP) --no-deps cockpit-for-pytorch==1.0.2 backpack-for-pytorch==1.7.1
	$(PYTHON) benchmarks/overhead.py $(BENCH)

install:
	$(PIP) --editable ".[test]"
