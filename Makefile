# Everything happens in .venv, which the first target that needs it creates. A second run installs nothing and needs no
# network, until pyproject.toml changes or the checkout moves.

VENV ?= .venv
PY := $(VENV)/bin/python
# Arguments for the demo or for pytest: make demo ARGS=--once, make test ARGS="tests/test_checks.py -x"
ARGS ?=
# How many processes run all the tests; some of them are run by one.
PROCESSES ?= 3
PARALLEL = $(if $(ARGS),,-n $(PROCESSES) --dist loadfile --no-loadscope-reorder)

STATE := $(shell { cat pyproject.toml; pwd; } | cksum | cut -d ' ' -f 1)
STAMPS := $(VENV)/.wanvideo
DEMO := $(STAMPS)/demo-$(STATE)
DEV := $(STAMPS)/dev-$(STATE)
CI := $(STAMPS)/ci-$(STATE)
PIP := $(PY) -m pip --disable-pip-version-check --quiet

# Somebody else's project may have left these in the shell.
unexport DJANGO_SETTINGS_MODULE PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_REQUIRE_VIRTUALENV
# Containers often set it: each process that tests and the demo start would then compile the whole package anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-sqlite test-locks test-postgres test-mariadb lint types imports migrations initial-migration fault-table models-page check soak benchmark thorough coverage docs matrix clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(DEMO) ## run the whole site with all its engines (ARGS=--once: make and check one video, then stop)
	@exec $(PY) manage.py demo $(ARGS)

test: test-sqlite test-locks ## run the tests on SQLite, and on PostgreSQL those that lean on its locks and constraints

test-sqlite: $(DEV) ## run the tests on SQLite
	$(PY) -m pytest $(PARALLEL) $(if $(findstring thorough,$(ARGS)),,-m "not thorough") $(ARGS)

test-locks: $(DEV) ## run the tests that lean on locks and constraints on PostgreSQL
	WANVIDEO_TEST_DATABASE=postgres $(PY) -m pytest $(PARALLEL) \
	    -m "locks and not browser and not demo and not thorough" $(ARGS) $(if $(ARGS),|| test $$? -eq 5)

test-postgres: $(DEV) ## run all tests that use the database on PostgreSQL
	WANVIDEO_TEST_DATABASE=postgres $(PY) -m pytest $(PARALLEL) \
	    -m "(database or integration) and not browser and not demo and not thorough" $(ARGS) $(if $(ARGS),|| test $$? -eq 5)

test-mariadb: $(DEV) ## run the tests of rows and their moves on an installed MariaDB (Debian: mariadb-server libmariadb-dev)
	$(PIP) install --group mariadb
	WANVIDEO_TEST_DATABASE=mariadb $(PY) -m pytest $(if $(ARGS),$(ARGS),tests/models/test_rows.py tests/promises/test_binding.py \
	    tests/models/test_lifecycle.py tests/models/creation/test_idempotency.py tests/services/test_notifications.py tests/services/limits/test_throttling.py tests/spending tests/takes tests/batches/test_making.py)

lint: $(DEV) ## check style
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(DEV) ## check types
	$(PY) -m mypy

imports: $(DEV) ## check that imports flow one way
	$(VENV)/bin/lint-imports

migrations: $(DEV) ## check that no migration is missing, whatever DEFAULT_AUTO_FIELD a site has
	WANVIDEO_TEST_AUTO_FIELD=django.db.models.BigAutoField $(PY) manage.py makemigrations --check --dry-run --settings tests.settings
	WANVIDEO_TEST_AUTO_FIELD=django.db.models.AutoField $(PY) manage.py makemigrations --check --dry-run --settings tests.settings

initial-migration: $(DEV) ## write the one migration anew, as long as nothing is released
	rm -f django_wanvideo/migrations/0*.py
	$(PY) manage.py makemigrations wanvideo --name initial --no-header --settings tests.migration_settings

fault-table: $(DEV) ## write the table of faults and the tests that prove their cure
	$(PY) -m tests.fault_table

check: lint types imports migrations ## run all checks that are not tests

models-page: $(DEV) ## write the page about all models from the catalogue
	DJANGO_SETTINGS_MODULE=tests.settings $(PY) -m tests.models_page

soak: $(DEV) ## let everything go wrong for ten minutes, then compare the books (ARGS="--seconds 60 --seed 7")
	$(PY) -m benchmarks.soak $(ARGS)

benchmark: $(DEV) ## measure something beside its peers (ARGS=callback; docs/contributing.md lists them)
	$(PIP) install --group bench
	$(PY) -m benchmarks.$(ARGS)

thorough: $(CI) ## run everything, which takes hours: all versions, the long state machine, three soaks, all benchmarks
	.ci/thorough

coverage: $(DEV) ## run the tests on SQLite and show which lines and branches they miss
	$(PY) -m coverage erase
	$(PY) -m coverage run -m pytest $(ARGS)
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage report

docs: $(STAMPS)/docs-$(STATE) ## build the documentation into build/docs
	$(PY) -m sphinx -W -q -b html docs build/docs

$(STAMPS)/docs-$(STATE): $(DEV)
	$(PIP) install --group docs
	@touch $@

matrix: $(CI) ## run tox: every supported Python and Django that this machine has
	$(PY) -m tox run $(ARGS)

clean: ## remove the demo's data and everything that was built
	rm -rf .demo .tox .coverage .coverage.* build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# The newest Python that the tests know, of those that really start and can make an environment: a pyenv shim may not.
$(PY):
	@set -e; for candidate in "$(PYTHON)" python3.13 python3.12 python3.11 python3 python; do \
	    test -n "$$candidate" || continue; \
	    if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "Making $(VENV) with $$("$$candidate" -c 'import sys; print(sys.executable)')"; \
	        "$$candidate" -m venv $(VENV); exit 0; \
	    fi; \
	done; \
	echo "This needs Python 3.11 or newer with its venv module (Debian: apt-get install python3-venv)." >&2; exit 1

# Groups came with pip 25.1; an environment of an older Python brings an older pip.
$(STAMPS)/pip: | $(PY)
	$(PIP) install --upgrade "pip>=25.1"
	@mkdir -p $(STAMPS) && touch $@

$(DEMO): | $(STAMPS)/pip
	$(PIP) install --editable ".[demo]"
	@touch $@

$(DEV): | $(STAMPS)/pip
	$(PIP) install --editable ".[demo]" --group test --group lint --group types
	@touch $@ $(DEMO)

$(CI): $(DEV)
	$(PIP) install --group ci
	@touch $@
