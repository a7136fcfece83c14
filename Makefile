# Everything happens in .venv, which is made from pyproject.toml and constraints.txt when either is newer.

PYTHON ?= python3
PIP := .venv/bin/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt
WORKERS ?= 4

.PHONY: run test check bench clean

run: .venv/installed
	.venv/bin/runtime -A examples.tasks start

test: .venv/installed-dev
	.venv/bin/python -m pytest -n $(WORKERS) --dist worksteal

check: .venv/installed-dev
	tools/check

bench: .venv/installed-bench
	.venv/bin/python -m bench.compare

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(PIP) --editable '.[dev]'
	touch $@

.venv/installed-bench: .venv/installed
	$(PIP) --editable '.[bench]'
	touch $@
