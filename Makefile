# `make` alone prints this help.
.DEFAULT_GOAL := help
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 3
SOAK_SECONDS ?= 3600
BENCH_SECONDS ?= 1
BENCH_ROUNDS ?= 3
PAGES := errors events metrics configuration

.PHONY: help install run test test-long faults soak month lives hostile fuzz bench check lint types contracts dead-code security schema-check schema-diff schema release services explorer rest-pages migration lock third-party translated format clean

help: ## Print this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

$(STAMP): requirements.txt requirements-dev.txt pyproject.toml scripts/python.sh scripts/install.sh
	@test -x $(BIN)/python || { echo "creating the virtual environment $(VENV)"; "$$(scripts/python.sh)" -m venv $(VENV); }
	@scripts/install.sh $(BIN)/python requirements-dev.txt
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

install: $(STAMP) ## Create the virtual environment with the locked packages

run: $(STAMP) ## Serve the embedded gateway with demo data on BILLING_PORT or 8000
	@scripts/explorer.sh
	@exec $(BIN)/billing serve --demo

test: $(STAMP) ## Run all tests in WORKERS processes, on servers that the run starts itself
	@scripts/explorer.sh
	@VENV=$(VENV) WORKERS=$(WORKERS) scripts/test.sh $(ARGS)

test-long: $(STAMP) ## Run all tests at full size: every fault, list, caller and mode, which takes hours
	@scripts/explorer.sh
	@BILLING_TEST_SCALE=full VENV=$(VENV) WORKERS=$(WORKERS) scripts/test.sh $(ARGS)

faults: $(STAMP) ## Kill, disconnect and starve gateways and servers, at full length, and print the measurements
	BILLING_TEST_SCALE=full $(BIN)/python -m pytest tests/faults $(ARGS)

soak: $(STAMP) ## Load a gateway for SOAK_SECONDS (an hour), and print its memory before and after
	BILLING_TEST_SOAK_SECONDS=$(SOAK_SECONDS) $(BIN)/python -m pytest tests/soak $(ARGS)

month: $(STAMP) ## Post a month of 2,000 claims of three payers from documents alone, and print where every cent is
	BILLING_TEST_MONTH_CLAIMS=2000 $(BIN)/python -m pytest tests/month $(ARGS)

lives: $(STAMP) ## Play random lives of claims and invoices for 2,000 steps, with every invariant after each
	BILLING_TEST_MACHINE_STEPS=2000 $(BIN)/python -m pytest tests/machine $(ARGS)

hostile: $(STAMP) ## Attack live gateways at full length, and print what each attack cost
	BILLING_TEST_SCALE=full $(BIN)/python -m pytest -m hostile $(ARGS)

fuzz: $(STAMP) ## Send about 3,000 generated documents to live gateways, different ones each time
	BILLING_TEST_SCALE=full $(BIN)/python -m pytest tests/fuzz $(ARGS)

bench: $(STAMP) ## Measure the gateway beside its peers for some minutes, and write benchmarks/RESULTS.md
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.txt
	$(BIN)/python -m benchmarks --seconds $(BENCH_SECONDS) --rounds $(BENCH_ROUNDS) $(ARGS)

check: lint types contracts dead-code security schema-check schema-diff test ## Everything that CI runs: format, lint, types, contracts, dead code, security, schema, tests

lint: $(STAMP) ## Check format and lint rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: $(STAMP) ## Format the files
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: $(STAMP) ## Check types strictly
	$(BIN)/mypy

contracts: $(STAMP) ## Check the layers: which folder may import which
	$(BIN)/lint-imports --no-logo

dead-code: $(STAMP) ## Find code that nothing uses
	$(BIN)/python -m scripts.dead_code

security: $(STAMP) ## Find known weak patterns in the code
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive app scripts

schema-check: $(STAMP) ## Check that schema.graphql and the generated pages of docs/ are up to date
	@$(BIN)/billing schema | diff -u schema.graphql - && echo "schema.graphql is up to date"
	@$(BIN)/billing access-matrix | diff -u docs/access.md - && echo "docs/access.md is up to date"
	@for page in $(PAGES); do $(BIN)/billing reference $$page | diff -u docs/$$page.md - && echo "docs/$$page.md is up to date" || exit 1; done

schema-diff: $(STAMP) ## Name the changes of the schema since the last release, or since a file: make schema-diff OLD=file.graphql
	@$(BIN)/python -m scripts.schema_diff $(OLD)

schema: $(STAMP) ## Write schema.graphql, the generated pages of docs/ and the event contracts
	$(BIN)/billing schema > schema.graphql
	$(BIN)/billing access-matrix > docs/access.md
	for page in $(PAGES); do $(BIN)/billing reference $$page > docs/$$page.md; done
	$(BIN)/billing event-contracts events

release: $(STAMP) ## Store the schema and the event contracts of the version in pyproject.toml, before its tag
	$(BIN)/python -m scripts.release

services: $(STAMP) ## Start MySQL, Redis and Kafka for development, and print the exports
	@$(BIN)/python -m tests.services

explorer: ## Build GraphiQL from its npm packages into app/web/static
	@rm -f app/web/static/index.html
	@scripts/explorer.sh
	@test -f app/web/static/index.html

rest-pages: ## Build the pages about the REST endpoints from their npm packages into app/rest/static
	@rm -rf app/rest/static
	@scripts/rest_pages.sh

migration: $(STAMP) ## Draft a migration from the tables: make migration m="what changes"
	$(BIN)/python -m scripts.draft_migration "$(m)"

lock: $(STAMP) ## Compile the requirements files with hashes
	$(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-header --output-file requirements.txt pyproject.toml
	$(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-header --extra dev --output-file requirements-dev.txt pyproject.toml
	$(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-header --constraint requirements-dev.txt --extra bench --output-file requirements-bench.txt pyproject.toml

third-party: $(STAMP) ## Write docs/third-party.md from the locked packages
	$(BIN)/python -m scripts.third_party

translated: $(STAMP) ## Note that the Portuguese pages are in step with the English ones
	@$(BIN)/python -m scripts.translations

clean: ## Remove the embedded database, its keys and build results
	rm -rf var build dist app/web/static app/rest/static .mypy_cache .ruff_cache .pytest_cache .hypothesis
