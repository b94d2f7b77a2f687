# `make run` and `make test` do everything on a fresh machine with Python 3.11 and make.
PYTHON ?= $(shell command -v python3.11 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
# Waits for another make that is at it, and makes the environment where there is none.
INSTALL := $(PYTHON) config/make_venv.py

.PHONY: run test test-long train lint format shell clean browser

# Ends with this make, even if that is killed.
run: $(VENV)/run
	@ENDS_WITH=$$PPID exec $(BIN)/python -m config.run

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

$(VENV)/run: requirements.txt
	@$(INSTALL) $@ $^

$(VENV)/train: requirements-train.txt $(VENV)/run
	@$(INSTALL) --no-deps $@ $^

$(VENV)/test: requirements-dev.txt $(VENV)/train
	@$(INSTALL) $@ $^
