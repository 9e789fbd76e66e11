# `make lab` opens the tutorials, `make test` runs every test, `make check` what needs no running.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: lab test check soak notebooks clean

lab: .venv/.installed
	$(BIN)/hftlab lab $(LAB_OPTIONS)

test: .venv/.installed-dev
	$(BIN)/pytest
	$(BIN)/pytest --nbval --nbval-current-env -p no:cacheprovider notebooks

soak: .venv/.installed-dev
	$(BIN)/pytest -m soak

check: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/test_exports.py

# Run the tutorials and store them as they are committed: executed, small, without widget state.
notebooks: .venv/.installed-dev
	$(BIN)/python notebooks/store.py

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip

.venv/.installed: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/.installed-dev: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --editable . --group dev
	touch $@ .venv/.installed
