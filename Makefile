# `make lab` opens the tutorials, `make test` runs every test, `make check` what needs no running, `make docs` the site.
PYTHON ?= python3
BIN := .venv/bin
# One more than the cores of a small machine: browsers, servers and other processes are waited for, a third of the time.
WORKERS ?= 3
# As in tests/conftest.py; named, so that pytest need not read all other tests to find them.
SERIAL := tests/faults tests/hostile tests/server/test_slow_readers.py

# The tests start some hundred processes: without bytecode each compiles the package again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: lab test check docs soak notebooks clean

lab: .venv/.installed
	$(BIN)/hftlab lab $(LAB_OPTIONS)

# First what may share the machine, then what may not (tests/conftest.py says which), then the tutorials.
# Only the tutorials need nbval: its imports take every process seconds. In the order of the folders short files are last;
# xdist's own order begins with the files of many tests, and ends with one worker at a long file of few.
test: .venv/.installed-dev
	$(BIN)/pytest -p no:nbval -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not soak and not serial" --cov --cov-report= --cov-fail-under=0
	$(BIN)/pytest -p no:nbval $(SERIAL) -m "serial and not soak" --cov --cov-append --cov-report= --cov-fail-under=0
	@echo "coverage in percent, at least as much as pyproject.toml asks for:"
	@$(BIN)/coverage report --format=total
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --nbval --nbval-current-env -p no:cacheprovider notebooks

# Each worker begins with a share of the tests in their order, and takes others' when it has done them: a file may be an hour.
soak: .venv/.installed-dev
	@echo "soak: an estimated one to two hours on two cores; 1 of 3: long forms that share the machine"
	$(BIN)/pytest -p no:nbval -n $(WORKERS) --dist worksteal --durations 20 -m "soak and not serial"
	@echo "2 of 3: long forms that have it to themselves"
	$(BIN)/pytest -p no:nbval $(SERIAL) tests/test_fresh_machine.py --durations 10 -m "soak and serial"
	@echo "3 of 3: laws with a thousand examples"
	$(BIN)/pytest -p no:nbval -n $(WORKERS) --dist worksteal --durations 20 -m "hypothesis and not soak" --hypothesis-profile soak

check: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/test_exports.py tests/test_layout.py tests/test_palette.py

# The site, into docs/_build/html; every warning is an error, also a name that nothing documents.
docs: .venv/.installed-dev
	$(BIN)/python -m sphinx -W --keep-going -n -q -b html docs docs/_build/html
	@echo "open docs/_build/html/index.html"

# Run the tutorials and store them as they are committed: executed, small, without widget state.
notebooks: .venv/.installed-dev
	$(BIN)/python notebooks/store.py

clean:
	rm -rf .venv build dist docs/_build docs/_generated docs/api docs/tutorials .coverage htmlcov
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip

.venv/.installed: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/.installed-dev: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --editable . --group dev
	touch $@ .venv/.installed
