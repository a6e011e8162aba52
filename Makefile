# Needs python3 >= 3.11 and nothing else: the first target that is run makes .venv by itself.
PYTHON3 = python3
VENV    = .venv
OUT     = crosscheck
WORKERS = 2
KATEX   = katex@0.19.1

PYTHON  = $(VENV)/bin/python
READY   = $(VENV)/.compiled
SCHEMES = init-a init-b lora-plus-a
SOURCES = $(shell find gamma_calc -name '*.py')

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help crosscheck test test-slow lint types check derivations validation bench bench-symbolic docs site clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile
	@echo "Variables: OUT=$(OUT) (folder of make crosscheck), PYTHON3=$(PYTHON3), WORKERS=$(WORKERS)"

crosscheck: $(READY) ## the main job: derived exponents against measured ones, into OUT
	$(VENV)/bin/gamma-calc crosscheck $(SCHEMES) --out $(OUT)

test: $(READY) ## the fast tests (5 to 6 minutes on 2 cores that do nothing else)
	$(PYTHON) -m pytest -n $(WORKERS) --dist worksteal -m "not slow"

test-slow: $(READY) ## the tests that make test leaves out, such as every generated LaTeX file
	$(PYTHON) -m pytest -n $(WORKERS) --dist worksteal -m slow

lint: $(READY) ## ruff, rules and layout
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types: $(READY) ## mypy, strict
	$(PYTHON) -m mypy

check: lint types test ## lint, types and test

derivations: $(READY) ## regenerate derivations/
	$(PYTHON) derivations/make.py

validation: $(READY) ## regenerate validation/
	$(PYTHON) validation/make.py

bench: $(READY) ## time the kernel against plain torch and PEFT, into benchmarks/results.json; RECORD=--record keeps it
	$(PYTHON) -m pip install --quiet --compile -e '.[bench]'
	$(PYTHON) -m benchmarks $(RECORD)

bench-symbolic: $(READY) ## time the exact core, sympy on the same recursion, and stacks by depth (some minutes)
	$(PYTHON) -m benchmarks.symbolic
	$(PYTHON) -m benchmarks.depth

docs: $(READY) ## the documentation as a site, into site/; a broken link, name or block of code is an error
	$(PYTHON) -m pytest -q tests/docs
	$(MAKE) site

site: $(READY) ## the same without the tests of its pages, which are among those of make test
	$(PYTHON) -m pip install --quiet --compile -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict

clean: ## remove the environment, the caches and what the commands wrote by default
	rm -rf $(VENV) node_modules crosscheck site build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find gamma_calc tests -name __pycache__ -type d -exec rm -rf {} +

# Bytecode is compiled here because where PYTHONDONTWRITEBYTECODE is set no later run would,
# and without it each command takes seconds longer to import what it needs.
$(READY): $(VENV)/.installed $(SOURCES)
	@$(PYTHON) -m compileall -q gamma_calc
	@touch $@

$(VENV)/.installed: pyproject.toml
	@command -v $(PYTHON3) >/dev/null || { \
	  echo "gamma_calc needs Python 3.11 or newer, and there is no $(PYTHON3) here. Name yours: make PYTHON3=/path/to/python3 ..." >&2; exit 1; }
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "gamma_calc needs Python 3.11 or newer; $(PYTHON3) is $$($(PYTHON3) -V 2>&1). Name another: make PYTHON3=python3.12 ..." >&2; exit 1; }
	@$(PYTHON3) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON3) cannot make virtual environments: its modules venv and ensurepip are missing. On Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(PYTHON3) -m venv --clear $(VENV)
	$(PYTHON) -m pip install --compile -e '.[test]'
	@touch $@

# What tests/latex renders formulas with; those tests are skipped where it is absent.
node_modules/katex:
	npm install --prefix . --no-save --no-package-lock --no-audit --no-fund --silent $(KATEX)
