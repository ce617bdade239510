# Everything a person types. Needs only Python >= 3.11 and make; the rest is installed below .venv and node_modules.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
# The wheel's npm starts the first node on PATH: it must be the wheel's own.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Tests and the demo run side by side with others on one machine.
export PYTHONDONTWRITEBYTECODE := 1

WEB_SOURCES := $(shell find backend/web miniapp_api/web queue_display/web kiosk_agent/web \
	-type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -name schema.d.ts 2>/dev/null) vite.base.ts tsconfig.base.json

.PHONY: help setup demo test check bench soak clean types chromium

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

setup: $(VENV)/.stamp node_modules/.stamp build/pages.stamp ## Install locked dependencies and build the pages

demo: setup ## Run the whole hospital on this machine (Ctrl-C stops it)
	@$(BIN)/hospital demo $(DEMO)

test: setup chromium ## Run every test
	@$(BIN)/npm test --silent
	@$(BIN)/python -m pytest -n 2 $(TESTS)

check: setup types ## Format, lint, types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/npm run --silent check

bench: setup ## Measure, as ratios to limits taken in the same run
	@$(BIN)/python -m tests.bench $(BENCH)

soak: setup ## Prove booking and money for as long as one likes: SOAK="--minutes 60", see docs/proof.md
	@$(BIN)/python -m tests.soak $(SOAK)

types: setup ## Write the pages' API types from the server's route table
	@$(BIN)/hospital openapi
	@$(BIN)/npm run --silent types > /dev/null

clean: ## Remove what was installed and built (data in .data stay)
	rm -rf $(VENV) node_modules build dist *.egg-info .mypy_cache .ruff_cache .hypothesis
	find backend/web miniapp_api queue_display kiosk_agent -name dist -type d -prune -exec rm -rf {} +

chromium: $(VENV)/.stamp
	@$(BIN)/python -m backend.chromium

$(VENV)/.stamp: requirements-dev.lock requirements-uv.lock pyproject.toml
	@PYTHON="$$(sh deploy/find-python.sh)" && \
	if [ ! -x $(BIN)/python ]; then "$$PYTHON" -m venv $(VENV); fi
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python deploy/link_node.py $(BIN)
	@touch $@

node_modules/.stamp: package-lock.json $(wildcard package.json .npmrc backend/web/*/package.json */web/package.json) $(VENV)/.stamp
	@$(BIN)/npm ci --silent
	@touch $@

build/pages.stamp: $(WEB_SOURCES) node_modules/.stamp
	@mkdir -p build
	@$(BIN)/npm run --silent build
	@touch $@
