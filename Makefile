# On a machine with Python 3.11 and make, two commands do everything: `make run` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# The tests start hundreds of processes. Each would compile our code anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run setup test test-long coverage faults failover soak fuzz check deploy-check clients spa types audit mutants bench bench-check reference messages screenshots lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: setup ## set up and start the demo: the service, a simulated VA and PostgreSQL
	@$(BIN)/vetassist demo

setup: $(STAMP) ## make .venv from the locked requirements

# The lock has a hash for every file, so no file can be replaced on the way.
$(STAMP): requirements.lock pyproject.toml clients/python/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed (make PYTHON=python3.11 ...)")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable . --editable clients/python
	@touch $@

# What is written in TypeScript. Nothing else needs Node.
LIBRARY := clients/js/dist/index.js
SAMPLE := examples/spa/node_modules/.installed
HAS_NODE := node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null

$(LIBRARY): clients/js/node_modules/.installed clients/js/tsconfig.json clients/js/tsconfig.build.json $(wildcard clients/js/src/*)
	cd clients/js && npm run --silent build

$(SAMPLE): $(LIBRARY)

%/node_modules/.installed: %/package-lock.json
	@$(HAS_NODE) && command -v npm >/dev/null || { echo 'Node 20.19 or newer is needed, with npm' >&2; exit 1; }
	cd $* && npm ci --loglevel=error --no-audit --no-fund >/dev/null
	@touch $@

# Four processes share the test files, each with its own PostgreSQL: many tests wait for time-outs.
# Each one more has to collect all tests, too.
# Not reordered, so that slow files with few tests don't come last.
PARALLEL := --numprocesses=4 --dist=loadfile --no-loadscope-reorder

test: setup ## run every test
	$(BIN)/python -m pytest $(PARALLEL)

# The same tests as in `make test`, with more rounds, more rows and more kills.
LONG := $(BIN)/python -m pytest --numprocesses=0 --capture=no

test-long: setup ## run the races, kills and fuzzing with far more rounds
	$(LONG) -m long tests/e2e
	VETASSIST_TEST_ROUNDS=10000 $(LONG) tests/integration/test_races.py --case 82
	VETASSIST_TEST_ROUNDS=1000 $(LONG) tests/integration/test_va_token_use.py --case 81
	VETASSIST_TEST_CLIENT_ROUNDS=200 $(LONG) tests/integration/test_client_races.py
	VETASSIST_TEST_ROUNDS=20 $(LONG) tests/integration/test_audit_sealing.py
	VETASSIST_TEST_ROUNDS=2 $(LONG) -m "" tests/integration/test_kills.py
	VETASSIST_TEST_ROUNDS=20 $(LONG) tests/integration/test_recovery.py
	TEST_CROWD=2000 $(LONG) tests/integration/test_crowds.py -k idle
	TEST_REWRAP_USERS=100000 TEST_REWRAP_KILLS=20 $(LONG) tests/integration/test_rewrap.py -k killed
	FUZZ_EXAMPLES=20000 $(LONG) tests/security/test_session_jwt.py tests/security/test_authorize_redirect.py

faults: setup ## kill and freeze PostgreSQL and the service under load (half an hour)
	@$(BIN)/python -m tests.faults $(if $(ROUNDS),--rounds $(ROUNDS),--out docs/reliability.md)

failover: setup ## fail over clusters of Patroni under load; installs Debian's packages
	@$(BIN)/python -m tests.failover $(if $(ROUNDS),--rounds $(ROUNDS),--out docs/reliability.md)

soak: setup ## serve steady load for an hour, and watch memory, connections and files
	@$(BIN)/python -m tests.soak $(if $(MINUTES),--minutes $(MINUTES),--out docs/reliability.md)

fuzz: setup ## feed a million mutated inputs to everything that reads what others write
	@$(BIN)/python -m tests.fuzz $(if $(INPUTS),--inputs $(INPUTS),--out docs/reliability.md)

# Reported only: no build fails because of the figure.
COVERED ?= tests/unit tests/contract

coverage: setup ## report the branch coverage of the unit and contract tests
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=term:skip-covered $(COVERED)

check: setup ## lint, check the format, the types and the imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Also an environment of its own: nothing else needs these schemas.
DEPLOY := $(VENV)/deploy

deploy-check: $(DEPLOY)/.installed ## check the files in deploy/ with the tools of what they are for
	@$(DEPLOY)/bin/python tools/check_deploy.py

$(DEPLOY)/.installed: requirements-deploy.lock $(STAMP)
	@test -x $(DEPLOY)/bin/python || $(PYTHON) -m venv $(DEPLOY)
	$(DEPLOY)/bin/python -m pip install --quiet --require-hashes --requirement requirements-deploy.lock
	@touch $@

clients: setup $(LIBRARY) ## package the client libraries into dist/ (needs Node)
	cd clients/python && ../../$(BIN)/python -m hatchling build --target wheel --directory ../../dist
	cd clients/js && npm pack --silent --ignore-scripts --pack-destination ../../dist

spa: $(SAMPLE) ## serve the sample front end on http://localhost:5173 (needs Node)
	cd examples/spa && npm run --silent dev

OPENAPI ?= http://localhost:8000/openapi.json

types: $(LIBRARY) ## write TypeScript types of the API of `make run` to dist/openapi.d.ts (needs Node)
	@mkdir -p dist
	cd clients/js && npm run --silent types -- $(OPENAPI) --output ../../dist/openapi.d.ts

# pip-audit has an environment of its own, so that its dependencies don't affect ours.
AUDIT := $(VENV)/audit

audit: $(AUDIT)/.installed ## look for known vulnerabilities in the locked packages
	@$(BIN)/python tools/audit_locks.py $(AUDIT)/bin/pip-audit requirements.lock requirements-build.lock

$(AUDIT)/.installed: requirements-audit.lock $(STAMP)
	@test -x $(AUDIT)/bin/python || $(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet --require-hashes --requirement requirements-audit.lock
	@touch $@

# mutmut works on a copy of the code in mutants/, with an environment of its own: it needs what the
# tests need, and more. Fewer random examples, because they are repeated for each mutant.
MUTANTS := $(VENV)/mutants

mutants: $(MUTANTS)/.installed ## break the core in thousands of ways, and count what the tests notice (an hour)
	rm -rf mutants
	FUZZ_EXAMPLES=50 nice $(MUTANTS)/bin/mutmut run --max-children 2
	@$(MUTANTS)/bin/python -m tests.mutants --out docs/reliability.md

$(MUTANTS)/.installed: requirements-mutants.lock $(STAMP)
	@test -x $(MUTANTS)/bin/python || $(PYTHON) -m venv $(MUTANTS)
	$(MUTANTS)/bin/python -m pip install --quiet --require-hashes --requirement requirements.lock --requirement requirements-mutants.lock
	$(MUTANTS)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable . --editable clients/python
	@touch $@

bench-check: setup ## run the benchmarks in their short form, and look at their tables
	$(BIN)/python -m pytest --numprocesses=0 benchmarks/test_short_form.py

bench: setup ## run the benchmarks and write docs/performance.md (half an hour)
	$(BIN)/python -m benchmarks

reference: setup ## write docs/reference.md from the code
	$(BIN)/python -m docs.make_reference

messages: setup ## bring the message catalogues up to date, and list what has no translation
	PYTHONPATH=. $(BIN)/python tools/messages.py

screenshots: setup ## make the pictures of the README again (needs Debian's chromium)
	$(BIN)/python docs/make_screenshots.py

# Run it after changing the dependencies in pyproject.toml. The second and third lock are for the
# container image: what `serve` needs, and what builds the wheel. The last three are for `make audit`,
# `make deploy-check` and `make mutants`.
LOCK := uv pip compile --generate-hashes --universal --python-version 3.11 --no-header

lock: ## update the requirements*.lock files (needs uv)
	$(LOCK) pyproject.toml --extra demo --extra tracing --group dev --output-file requirements.lock
	$(LOCK) pyproject.toml --constraint requirements.lock --output-file requirements-serve.lock
	echo hatchling | $(LOCK) - --constraint requirements.lock --output-file requirements-build.lock
	echo pip-audit | $(LOCK) - --output-file requirements-audit.lock
	printf 'compose-spec\nkubernetes-validate\n' | $(LOCK) - --output-file requirements-deploy.lock
	echo mutmut | $(LOCK) - --constraint requirements.lock --output-file requirements-mutants.lock

clean: ## remove .venv, the demo's data and every cache
	rm -rf $(VENV) .vetassist dist build mutants .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage
	rm -rf clients/js/dist clients/js/build clients/js/node_modules examples/spa/dist examples/spa/node_modules
