# `make run` and `make test` need only Python 3.11 and make; they set up the rest.
PYTHON ?= $(shell command -v python3.11 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
# Creates the environment if it is missing, and waits for another make that is doing so.
INSTALL := $(PYTHON) config/make_venv.py
# Processes that run the tests, each with a database of its own. 0 runs them in pytest's process.
WORKERS ?= 3

.PHONY: run import test test-long test-few train lint format shell clean browser

# ENDS_WITH makes the start end with this make, even if that is killed.
run: $(VENV)/run
	@ENDS_WITH=$$PPID exec $(BIN)/python -m config.run

# Imports the file of products FILE. ARGS are options of `manage.py import_products`.
import: $(VENV)/run
	@$(BIN)/python manage.py migrate --verbosity=0
	@$(BIN)/python manage.py import_products "$(FILE)" $(ARGS)

test: $(VENV)/test browser lint
	$(BIN)/python -m pytest -n $(WORKERS) --max-worker-restart=0 $(PYTEST_ARGS)

# Repeats tests in full, and runs those that are too long for `make test` (docs/testing.md). It runs
# them one after the other, since some measure the machine.
test-long: $(VENV)/test browser
	$(BIN)/python -m pytest --long -m "slow or long" $(PYTEST_ARGS)

# Runs one of the tests that are too long for `make test`, of each file.
test-few: $(VENV)/test
	$(BIN)/python -m pytest --few -n $(WORKERS) --max-worker-restart=0 $(PYTEST_ARGS)

# Trains the starter encoder from scratch. TRAIN_ARGS are options of `manage.py train_encoder`.
train: $(VENV)/train
	$(BIN)/python manage.py train_encoder $(TRAIN_ARGS)

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy .

format: $(VENV)/test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

shell: $(VENV)/run
	@$(BIN)/python manage.py shell

# Installs Debian's Chromium for the browser tests, which are skipped without it.
browser:
	@sh tests/install_browser.sh

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

$(VENV)/run: requirements.txt
	@$(INSTALL) $@ $^

$(VENV)/train: requirements-train.txt $(VENV)/run
	@$(INSTALL) --no-deps $@ $^

$(VENV)/test: requirements-dev.txt $(VENV)/train
	@$(INSTALL) $@ $^
