# Two commands do everything on a machine with Python 3.11 and make: `make run` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: run setup test test-long check bench reference screenshots lock clean

run: setup
	@$(BIN)/vetassist demo

setup: $(STAMP)

# The lock carries a hash for every file, so nothing can be exchanged on the way.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed (make PYTHON=python3.11 ...)")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Files are shared out to two processes, each with a PostgreSQL of its own.
test: setup
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadfile

# What `make test` shows in a short form: more rounds, more rows, more kills.
LONG := $(BIN)/python -m pytest --numprocesses=0 --capture=no

test-long: setup
	VETASSIST_TEST_ROUNDS=10000 $(LONG) tests/integration/test_races.py -k case_82
	VETASSIST_TEST_ROUNDS=1000 $(LONG) tests/integration/test_va_token_use.py -k case_81_of_32
	VETASSIST_TEST_CLIENT_ROUNDS=200 $(LONG) tests/integration/test_client_races.py
	VETASSIST_TEST_ROUNDS=20 $(LONG) tests/integration/test_audit_sealing.py
	VETASSIST_TEST_ROUNDS=2 $(LONG) tests/integration/test_kills.py
	TEST_CROWD=2000 $(LONG) tests/integration/test_crowds.py -k idle
	TEST_REWRAP_USERS=100000 TEST_REWRAP_KILLS=20 $(LONG) tests/integration/test_rewrap.py -k killed
	FUZZ_EXAMPLES=20000 $(LONG) tests/security/test_session_jwt.py tests/security/test_authorize_redirect.py

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup
	$(BIN)/python -m benchmarks

reference: setup ## write docs/reference.md from the code
	$(BIN)/python -m docs.make_reference

# Needs Debian's chromium.
screenshots: setup
	$(BIN)/python docs/make_screenshots.py

# Needs uv; run it after a change of the dependencies in pyproject.toml. The other two locks are
# for the container image: what `serve` needs, and what builds the wheel.
LOCK := uv pip compile --generate-hashes --universal --python-version 3.11 --no-header

lock:
	$(LOCK) pyproject.toml --extra demo --extra tracing --group dev --output-file requirements.lock
	$(LOCK) pyproject.toml --constraint requirements.lock --output-file requirements-serve.lock
	echo hatchling | $(LOCK) - --constraint requirements.lock --output-file requirements-build.lock

clean:
	rm -rf $(VENV) .vetassist dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
