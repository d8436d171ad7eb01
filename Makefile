# Two commands do everything: `make run` starts the app, `make test` runs every check.
PYTHON ?= python3
PORT ?= 8501
PIP_ARGS ?=
# a file of tests stays in one process; files are shared out in their order
PYTEST_ARGS ?= -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
RAY := $(VENV)/.ray
SOURCES := app.py pages ui imae_core tests benchmarks

.PHONY: run test check format clean env soak fuzz ray-check gpu-check

run: $(STAMP)
	$(PY) -m streamlit run app.py --server.port $(PORT)

test: check $(RAY)
	$(PY) -m pytest -m 'not alone' $(PYTEST_ARGS)
	$(PY) -m pytest -m alone

check: $(STAMP)
	$(PY) -m ruff check $(SOURCES)
	$(PY) -m ruff format --check $(SOURCES)
	$(PY) -m mypy

format: $(STAMP)
	$(PY) -m ruff check --fix $(SOURCES)
	$(PY) -m ruff format $(SOURCES)

soak: $(STAMP)
	IMAE_SOAK_ROUNDS=50 IMAE_SOAK_TABLE=docs/soak.md $(PY) -m pytest -s tests/runs/test_soak.py

ray-check: $(RAY)
	IMAE_RAY_RUNS=30 $(PY) -m pytest tests/runs/test_ray.py

fuzz: $(STAMP)
	IMAE_FUZZ_CASES=500 $(PY) -m pytest tests/data/imports/test_fuzz.py

gpu-check: $(STAMP)
	$(PY) -m benchmarks.gpu_check

env: $(STAMP)

$(STAMP): requirements.txt requirements-web.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -r requirements-dev.txt
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps $(PIP_ARGS) --editable .
	@touch $(STAMP)

$(RAY): $(STAMP) requirements-ray.txt
	$(PY) -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -r requirements-ray.txt
	@touch $(RAY)

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
