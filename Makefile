# Nothing but Python 3.11 or later is needed first; `make` lists what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Two tests more at a time than there are processors: many wait for a server.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 2)')

.PHONY: help install neo4j demo test suite check bench scorecard lock docs clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --no-compile --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --no-compile --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/networked: $(VENV)/installed requirements-neo4j.lock
	$(BIN)/python -m pip install --no-compile --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-neo4j.lock
	touch $@

$(VENV)/developing: $(VENV)/installed requirements-dev.lock
	$(BIN)/python -m pip install --no-compile --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	touch $@

install: $(VENV)/installed  ## make .venv here, from the lock

neo4j: $(VENV)/networked  ## what a graph in Neo4j needs: the driver, and a server without Docker

demo: install  ## a synthetic municipality: made, loaded, run, ranked, served (SERVE=no: not)
	$(BIN)/graph-service demo --home demo --language en $(if $(filter no,$(SERVE)),--no-serve)

test: $(VENV)/developing  ## everything the tests need, then checks and tests
	$(MAKE) --no-print-directory --jobs 2 check suite

suite: $(VENV)/developing
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: $(VENV)/developing  ## style, types, who may import whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/developing  ## speed beside a bare floor and beside an analyst's first script
	$(BIN)/python -m benchmarks

SEED ?= 3900000
TOWNS ?= 25
CLEAN ?= 10
INHABITANTS ?= 20000
MONTHS ?= 12

scorecard: $(VENV)/developing  ## what is found, missed and wrongly said on fresh towns
	$(BIN)/python -m benchmarks.scorecard --seed $(SEED) --towns $(TOWNS) --clean $(CLEAN) \
		--inhabitants $(INHABITANTS) --months $(MONTHS)

docs: install  ## rewrite the pages that are made from declarations
	$(BIN)/python -m graph_service.records.reference
	$(BIN)/python -m graph_service.graph.reference
	$(BIN)/python -m api.detectors_page

# PyICU comes as C++ alone and takes minutes to build; FollowTheMoney spells names in ASCII by it,
# and checks without it. The locks are whole, so that they are installed as they stand.
lock: $(VENV)/developing  ## pin every dependency with its hashes, without index addresses
	$(BIN)/python -m piptools compile --quiet --strip-extras --allow-unsafe --generate-hashes \
		--no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--extra build --output-file requirements.lock pyproject.toml
	$(BIN)/python -m piptools compile --quiet --strip-extras --allow-unsafe --generate-hashes \
		--no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--extra build --extra neo4j --constraint requirements.lock --output-file requirements-neo4j.lock pyproject.toml
	$(BIN)/python -m piptools compile --quiet --strip-extras --allow-unsafe --generate-hashes \
		--no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--unsafe-package pyicu \
		--extra build --extra neo4j --extra postgresql --extra dev --constraint requirements-neo4j.lock --output-file requirements-dev.lock pyproject.toml

clean:  ## remove the demo's home; nothing else is touched
	rm -rf demo
