# Everything happens inside .venv, which the first call makes; the second call is fast.
PYTHON ?= python3
PY := .venv/bin/python
export OMP_WAIT_POLICY ?= PASSIVE
# two notebooks or test files run side by side, one thread each
export OMP_NUM_THREADS ?= 1

.PHONY: help workbook test lab figures lint notebooks site lecture handout lock wheel audit browser clean

help:
	@echo "make workbook   set up, run the whole walk-through on the embedded data (notebooks + figures)"
	@echo "make test       set up, pass every check: units, notebooks, widgets in a browser, lint"
	@echo "make lab        set up, open JupyterLab on the first notebook"
	@echo "make notebooks  re-execute the committed notebooks from their paired scripts"
	@echo "make site       the book as web pages that work offline, in build/site"
	@echo "make lecture    pages for the room: live widgets, large type, no code"
	@echo "make handout    two pages for the class, build/handout.pdf (needs Chromium)"
	@echo "make wheel      build dist/vireid-VERSION-py3-none-any.whl, which needs no checkout"
	@echo "make audit      look the locked packages up in the lists of known holes (network)"
	@echo "make lock       resolve pyproject.toml again into requirements.lock"

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'vireid needs Python >= 3.11; try: make PYTHON=python3.12 ...')"
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet uv
	$(PY) -m uv pip install --quiet --compile-bytecode --python $(PY) --require-hashes -r requirements.lock
	$(PY) -m uv pip install --quiet --python $(PY) --no-deps --no-build-isolation -e .
	@touch .venv/ready

workbook: .venv/ready
	$(PY) -m vireid workbook
	$(PY) -m vireid figures --out build/figures

lab: .venv/ready
	env -u OMP_NUM_THREADS $(PY) -m vireid lab

figures: .venv/ready
	$(PY) -m vireid figures

lint: .venv/ready
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

browser: .venv/ready
	$(PY) tests/browser/install.py

test: .venv/ready browser lint
	$(PY) -m pytest -m "not browser" -n 2 --dist loadfile --no-loadscope-reorder --durations 30 \
	  -p no:playwright tests
	$(PY) -m pytest --nbval-lax --nbval-current-env --nbval-cell-timeout 300 -n 2 --dist loadfile -p no:playwright notebooks
	$(PY) -m pytest -m browser tests

notebooks: .venv/ready
	$(PY) -m vireid workbook --in-place

site: .venv/ready
	$(PY) -m vireid site

lecture: .venv/ready
	env -u OMP_NUM_THREADS $(PY) -m vireid lecture

handout: .venv/ready
	$(PY) -m vireid handout

# known holes in the locked packages; needs the network. A package that cannot be looked up fails it
audit: .venv/ready
	$(PY) -m uv tool run pip-audit --strict --requirement requirements.lock --require-hashes --disable-pip

lock: .venv/ready
	$(PY) -m uv pip compile --universal --all-extras --group test --group browser --group dev \
	  --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet pyproject.toml -o requirements.lock

wheel: .venv/ready
	$(PY) -m hatchling build -t wheel -d dist

clean:
	rm -rf .venv build dist
