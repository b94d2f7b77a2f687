# `make run` and `make test` do everything on a fresh machine with Python 3.11 and make.
PYTHON ?= $(shell command -v python3.11 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: run test test-long train lint format shell clean browser

run: $(VENV)/run
	@exec $(BIN)/python -m config.run

test: $(VENV)/test browser lint
	$(BIN)/python -m pytest $(PYTEST_ARGS)

# What takes hours for a reason: repetitions in full, and tests that are too long for `make test`.
test-long: $(VENV)/test browser
	$(BIN)/python -m pytest --long -m "slow or long" $(PYTEST_ARGS)

# Trains the starter encoder anew; TRAIN_ARGS go to `manage.py train_encoder`.
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

# Debian's Chromium for the browser test; without the right to install it the test says so and skips.
browser:
	@sh tests/install_browser.sh

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	@$(PYTHON) config/make_venv.py $(VENV)

$(VENV)/run: requirements.txt | $(VENV)/bin/python
	@echo "Installing what Vitrina needs (a few minutes the first time)"
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/train: requirements-train.txt $(VENV)/run
	@$(PIP) --no-deps -r requirements-train.txt
	@touch $@

$(VENV)/test: requirements-dev.txt $(VENV)/train
	@$(PIP) -r requirements-dev.txt
	@touch $@
