# AIOSMON. `make help` lists the targets. Paths are relative, so a checkout's own path may
# contain spaces.
PYTHON ?= python3
VENV := .venv/bin/python
PIP := $(VENV) -m pip --disable-pip-version-check --quiet
APPS := accounts metrics slas alerts aiosmon demo
# From the command line alone: many environments set PORT for programs of their own.
ifneq ($(origin PORT),command line)
PORT := $(AIOSMON_PORT)
endif

.DEFAULT_GOAL := help
.PHONY: help run test lint bench doctor reset

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile

run: .venv/.run-stamp ## start the portal; PORT=8001 chooses another port
	@AIOSMON_PORT="$(PORT)" exec $(VENV) -m aiosmon.portal

test: .venv/.dev-stamp ## run the tests; ARGS="-k name" are handed to pytest
	$(VENV) -m tests $(ARGS)

lint: .venv/.dev-stamp ## style, types, layers and missing migrations
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -m mypy $(APPS) sdk/src
	$(VENV) -c 'import sys; from importlinter.cli import lint_imports_command as lint; sys.exit(lint())'
	$(VENV) manage.py makemigrations --check --dry-run

bench: .venv/.dev-stamp ## measure what the documentation promises
	$(VENV) -m bench $(ARGS)

doctor: ## explain what is wrong and how to mend it
	@export AIOSMON_PORT="$(PORT)"; \
	if $(VENV) -c '' 2>/dev/null; then exec $(VENV) -m aiosmon.doctor; \
	else exec $(PYTHON) -m aiosmon.doctor; fi

reset: ## remove all data, after asking; YES=1 asks nothing
	@YES="$(YES)" exec $(PYTHON) -m aiosmon.reset

.venv/.run-stamp: requirements.txt demo/requirements.txt sdk/pyproject.toml | .venv/bin/python
	@echo "Installing the requirements (the first time takes a few minutes) ..."
	@$(PIP) install -r requirements.txt -r demo/requirements.txt || \
	{ echo "The installation failed: \`make doctor\` may tell why."; exit 1; }
	@touch $@

.venv/.dev-stamp: .venv/.run-stamp requirements-dev.txt
	@$(PIP) install -r requirements-dev.txt
	@touch $@

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "AIOSMON needs Python 3.11 or newer as $(PYTHON): try \`make PYTHON=python3.12 run\`."; exit 1; }
	@$(PYTHON) -m venv .venv || \
	{ rm -rf .venv; echo "The virtual environment can't be made: \`make doctor\` tells why."; exit 1; }
