# Everything is done through make; the first target sets up .venv from requirements.lock.
# PYTHON=python3.12 chooses the interpreter, ARGS="--world bystander" goes on to `endomtor build`.
.DEFAULT_GOAL := help
.PHONY: help book test test-all bench serve lab frozen pairs lock

BIN := .venv/bin
STAMP := .venv/.installed
PORT ?= 8000
# Tests run in two processes, the tests of a file in one.
BESIDE ?= -n 2 --dist loadfile
ARGS ?=
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

book: $(STAMP) ## build the book (again only what has changed); ARGS="--data DIR" for your own mice
	@$(BIN)/endomtor build $(ARGS)

test: $(STAMP) ## run the tests, under 10 minutes
	@$(BIN)/python -m pytest $(BESIDE) -m "not slow"

test-all: $(STAMP) ## run all tests, the slow ones too
	@$(BIN)/python -m pytest $(BESIDE)

bench: $(STAMP) ## measure speed beside the obvious alternatives, 6 minutes; ARGS="--json FILE" keeps it
	@OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python scripts/bench.py $(ARGS)

serve: book ## build the book and serve it on this machine; PORT=8000
	@echo "The book is at http://127.0.0.1:$(PORT)/ (Ctrl-C ends)"
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" = Darwin ]; then \
	  (sleep 1; $(BIN)/python -m webbrowser "http://127.0.0.1:$(PORT)/" >/dev/null) & fi; \
	$(BIN)/python -m http.server "$(PORT)" --bind 127.0.0.1 --directory _build/html

lab: $(STAMP) ## open the notebooks in JupyterLab
	@$(BIN)/python -m jupyter lab notebooks

frozen: $(STAMP) ## compute data/derived/ again: public originals, sample sizes, calibration (more than an hour)
	@$(BIN)/python -c "from endomtor import public; public.freeze()"
	@$(BIN)/python -c "import os; from endomtor.analyses import sample_size as s; \
	  s.freeze(s.count(jobs=os.cpu_count(), progress=True))"
	@$(BIN)/endomtor calibrate --freeze

pairs: $(STAMP) ## bring each notebook's .py and .ipynb in line, without outputs
	@$(BIN)/python -m jupytext --quiet --sync notebooks/*.ipynb
	@$(BIN)/python -m nbconvert --log-level WARN --clear-output --inplace notebooks/*.ipynb
	@$(BIN)/python -m jupytext --quiet --sync notebooks/*.ipynb

lock: ## solve requirements.lock again from pyproject.toml (needs uv)
	@uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	  --fork-strategy fewest --all-extras pyproject.toml -o requirements.lock

# uv is quicker and removes what left the lock; pip alone does as well. Bytecode is compiled here, as pip does by itself:
# without it each process of a build would compile pandas and Sphinx again where PYTHONDONTWRITEBYTECODE is set.
$(STAMP): requirements.lock pyproject.toml
	@if ! $(BIN)/python -c "$(FITS)" 2>/dev/null; then \
	  for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	    if $$python -c "$(FITS)" 2>/dev/null; then found=$$python; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "No Python 3.11, 3.12 or 3.13 was found. Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; \
	  fi; \
	  echo "Setting up .venv with $$($$found --version)"; \
	  rm -rf .venv && $$found -m venv .venv || { echo "$$found cannot make a virtual environment (on Debian: python3-venv)" >&2; exit 1; }; \
	fi
	@echo "Installing requirements.lock into .venv (once; a few minutes without a package cache)"
	@if uv --version >/dev/null 2>&1; then \
	  uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock && \
	  uv pip install --quiet --python $(BIN)/python --no-build-isolation --no-deps --editable .; \
	else \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .; \
	fi
	@touch $(STAMP)
