# Two commands for a newcomer: `make demo` and `make test`. Both do all the set-up; running them again goes on.

# The newest of Python 3.11 to 3.13 that runs (a shim of pyenv need not), or the one that .venv was made with.
# A second environment beside the first: make test PYTHON=python3.12 VENV=.venv-3.12
VENV := .venv
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in $(if $(wildcard $(VENV)/.installing),,$(VENV)/bin/python) python3.13 python3.12 python3.11 \
	python3; do "$$python" -c "$(FITS)" 2>/dev/null && command -v "$$python" && break; done)
RUN := $(VENV)/bin/python
LOCK = $(PYTHON) .ci/locked.py $(VENV).lock

# The demo's phantom: its effect (0 is the negative control), cases and seed. `make demo EFFECT=0` keeps both side by side.
EFFECT ?= 3
CASES ?= 200
SEED ?= 42
DATA ?= $(if $(filter 3,$(EFFECT)),input/phantom,input/phantom-effect-$(EFFECT))

.PHONY: demo rsna test test-all test-jax robustness notebooks docs lint setup test-setup lock dist clean

# What the job needs, and what the tests need beside it: each is one lock file, and the second holds the first.
setup: $(VENV)/.ready
test-setup: $(VENV)/.ready-test
$(VENV)/.ready: requirements.lock
$(VENV)/.ready-test: requirements-test.lock

# uv takes an eighth of pip's time (docs/start.md); pip is asked where uv does not reach the packages, for it has settings of its own.
# One set-up at a time: a second one waits, then finds it done. .installing marks one that was cut off: it starts again.
# Where Python may write no bytecode, uv does once: without it each start compiles a thousand modules anew.
ifndef LOCKED
$(VENV)/.ready $(VENV)/.ready-test: setup.cfg pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 to 3.13 that runs here: install one, or name it: make PYTHON=/path/to/python3.13"; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"error: Python {v[0]}.{v[1]}: the pinned packages are for Python 3.11 to 3.13; run make PYTHON=/path/to/python3.13")'
	@$(LOCK) "the set-up" $(MAKE) --no-print-directory LOCKED=1 $@
else
LOCKFILE = $(filter %.lock,$^)
VERSION := -c 'import sys; print(sys.version_info[:2])'
$(VENV)/.ready $(VENV)/.ready-test: setup.cfg pyproject.toml
	@if [ -e $(VENV)/.installing ]; then rm -rf $(VENV); fi
	@[ -x $(RUN) ] && [ "$$($(RUN) $(VERSION))" = "$$($(PYTHON) $(VERSION))" ] || $(PYTHON) -m venv $(VENV) --clear
	@rm -f $(VENV)/.ready $(VENV)/.ready-test && touch $(VENV)/.installing
	$(RUN) -m pip install --disable-pip-version-check --quiet --require-hashes -r .ci/uv.lock
	UV_CACHE_DIR=$(CURDIR)/$(VENV)/uv-cache $(RUN) -m uv pip install --quiet $(if $(PYTHONDONTWRITEBYTECODE),--compile-bytecode) \
		--require-hashes -r $(LOCKFILE) || { echo "uv could not install the packages (above); pip tries now, which takes longer"; \
		$(RUN) -m pip install --disable-pip-version-check --quiet --require-hashes -r $(LOCKFILE); } \
		|| { echo "error: the packages of $(LOCKFILE) could not be installed (above): check the network and the disk, then run make again"; exit 1; }
	$(RUN) -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@rm $(VENV)/.installing && touch $(VENV)/.ready $@
endif

demo: setup
	$(RUN) scripts/demo.py --data $(DATA) --effect $(EFFECT) --cases $(CASES) --seed $(SEED)

# The competition's data, from a Kaggle token to a kernel ready to push; says first what it will take.
# `make rsna RSNA="--only-estimate"`; other options: scripts/rsna.py --help
rsna: setup
	$(RUN) scripts/rsna.py $(RSNA)

# The usual kernels are compiled beside mypy: each worker would compile them. A file stays in one worker, with its fixtures.
test: test-setup
	$(RUN) -m ruff check .
	@$(RUN) -c "from radiogen.imaging.fast.warm_up import warm_up; warm_up()" & $(RUN) -m mypy; code=$$?; wait; exit $$code
	$(RUN) -m pytest -m "not slow" -n auto --dist loadscope

test-all: test-setup
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	$(RUN) -m pytest

# One short fold on Keras with JAX, and one network over two processes, in an environment without TensorFlow.
test-jax: test-setup $(VENV)-jax/.ready
	RADIOGEN_JAX_PYTHON=$(CURDIR)/$(VENV)-jax/bin/python $(RUN) -m pytest tests/training/execution/test_devices.py

ifndef LOCKED
$(VENV)-jax/.ready: setup.cfg
	@$(LOCK) "the set-up" $(MAKE) --no-print-directory LOCKED=1 $@
else
$(VENV)-jax/.ready: setup.cfg
	$(PYTHON) -m venv --clear $(VENV)-jax
	sed -n '/^install_requires/,/^$$/s/^ *\([a-z0-9-]* >=.*\)/\1/p' setup.cfg | grep -v tensorflow > $(VENV)-jax/packages.txt
	$(VENV)-jax/bin/python -m pip install --disable-pip-version-check --quiet jax -r $(VENV)-jax/packages.txt
	$(VENV)-jax/bin/python -m pip install --disable-pip-version-check --quiet --upgrade "setuptools>=70.1"
	$(VENV)-jax/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	touch $@
endif

# Fault injection: kills, two commands at once, full disks, signals, large sets, damaged series and tables; docs/robustness.md has
# the table. ROBUSTNESS="--parts kills --seed 2" runs one part.
robustness: test-setup
	$(RUN) benchmarks/robustness/run.py $(ROBUSTNESS)

# notebooks/*.ipynb from the sources beside them; a test says where one was forgotten.
notebooks: test-setup
	$(RUN) -c "from radiogen.kaggle.notebooks.sources import write_notebooks; write_notebooks()"

lint: test-setup
	$(RUN) -m ruff check .
	$(RUN) -m mypy

# Pin again what setup.cfg allows: `make lock` keeps the pins that still hold, UPGRADE=--upgrade takes the newest.
COMPILE := $(RUN) -m uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header --no-emit-index-url
lock: setup
	$(COMPILE) --extra test $(UPGRADE) --output-file requirements-test.lock setup.cfg
	$(COMPILE) --extra notebooks --constraint requirements-test.lock --no-annotate --output-file requirements.lock setup.cfg
	$(COMPILE) $(UPGRADE) --output-file docs/requirements.lock docs/requirements.in
	$(COMPILE) $(UPGRADE) --output-file .ci/uv.lock .ci/uv.in

# What goes to a package index: dist/*.whl and dist/*.tar.gz, built by uv from the clone's own version, and checked.
dist: setup
	rm -rf dist
	$(RUN) -m uv build --quiet --out-dir dist .
	$(RUN) -m uv tool run --quiet twine check --strict dist/*.whl dist/*.tar.gz

# The pages of docs/ and the reference as a site of static files: open site/index.html. It has an environment of its own.
docs: docs/requirements.lock
	@test -d $(VENV)-docs || $(PYTHON) -m venv $(VENV)-docs
	$(VENV)-docs/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes -r docs/requirements.lock
	NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/mkdocs build --quiet
	@echo "the documentation is in site/: open site/index.html; to search in it: $(PYTHON) -m http.server --directory site"

clean:
	$(LOCK) "the set-up" rm -rf $(VENV) $(VENV)-jax $(VENV)-docs site build *.egg-info src/*.egg-info .pytest_cache .ruff_cache
