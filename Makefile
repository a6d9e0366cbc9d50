# The whole developer interface. Each target sets up .venv by itself, once.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
READY_DOCS := .venv/.ready-docs
# Where a shell forbids byte code, every process would compile thousands of modules anew: a third of its time.
unexport PYTHONDONTWRITEBYTECODE
# A test uses one thread; a file's tests stay together, because they share what was trained for them.
WORKERS := -n auto --dist loadfile

.PHONY: demo test test-all lint format bench docs clean help
.DEFAULT_GOAL := help

help:
	@echo "make demo      install, then fine-tune on real digits and show the result (about 6 minutes)"
	@echo "make test      the tests, without the slow ones"
	@echo "make test-all  every test"
	@echo "make lint      ruff and mypy"
	@echo "make format    lay out the code"
	@echo "make bench     measure: writes bench/results"
	@echo "make docs      build the documentation into site/"
	@echo "make clean     remove what these commands wrote, .venv too"

# --no-compile: modules are compiled when first imported, which saves a minute for the libraries never used.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-compile -e '.[embedded,dev]' -c constraints.txt
	touch $@

$(READY_DOCS): $(READY)
	$(BIN)/python -m pip install --quiet --no-compile -e '.[docs]' -c constraints.txt
	touch $@

demo: $(READY)
	$(BIN)/upfit demo

test: $(READY)
	$(BIN)/python -m pytest $(WORKERS)

test-all: $(READY)
	$(BIN)/python -m pytest $(WORKERS) -m ''

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python -m bench

docs: $(READY_DOCS)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf .venv site build dist demo .mypy_cache .pytest_cache .ruff_cache .hypothesis
