PYTHON ?= python3
VENV := .venv
# Two processes share the tests, file by file; those that start Ray stay in one of them (tests/workers.py).
WORKERS := -n 2
# Some environments let Python keep no bytecode; every process that a test starts would compile all of it again.
unexport PYTHONDONTWRITEBYTECODE
BIN := $(VENV)/bin
DATA := $(wildcard ../shared/data)
ifneq ($(DATA),)
export ACGKD_DATA ?= $(abspath $(DATA))
endif

.PHONY: install quickstart test fidelity test-slow realdata browser cluster wheel lower-ends pythons soak docs lint types floors check coverage clean

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev,images,cluster,dashboard,export,storage,trackers,docs]"
	touch $@

quickstart: install
	$(BIN)/acgkd run specs/quickstart.yaml

# `make test COVERAGE=1` also measures coverage, code inside Ray's workers included, and fails below 90 %.
test: install
ifdef COVERAGE
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(WORKERS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --skip-empty
else
	$(BIN)/python -m pytest $(WORKERS)
endif

# Every method against plain twins of its published formulas.
fidelity: install
	$(BIN)/python -m pytest -m fidelity

test-slow: install
	$(BIN)/python -m pytest -m "slow and not realdata"

realdata: install
	$(BIN)/python -m pytest -m "realdata and not slow"

browser: install
	$(BIN)/python -m pytest -m browser

# Several nodes of Ray and a Slurm on this machine, stores and servers, and whatever of it is killed.
cluster: install
	$(BIN)/python -m pytest -m "cluster and not realdata and not slow" --durations=20 $(WORKERS)

# Everything that is done with the built wheel, in empty environments.
wheel: install
	$(BIN)/python -m pytest -m "" tests/project_tests/test_packaging.py tests/project_tests/test_foreign_packages.py

# The oldest versions that pyproject.toml admits.
lower-ends: install
	$(BIN)/python .ci/other_versions.py lower-ends

# Other Pythons, as far as they are on this machine.
pythons: install
	$(BIN)/python .ci/other_versions.py pythons

# Some hundred short trials under random kills, torn files and a full disk; writes docs/results/soak.md.
soak: install
	$(BIN)/python -m tests.soak

# The documentation as a site, in `site/`: built strictly, every link and anchor checked, what pages show is run, and pages
# of results are made anew.
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	$(BIN)/python docs/check_site.py site
	$(BIN)/python -m pytest -q -m "" tests/project_tests/test_pages.py tests/project_tests/test_api_pages.py tests/project_tests/test_result_pages.py

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

floors: install
	$(BIN)/lint-imports

check: lint types floors test

clean:
	rm -rf $(VENV) .venv-* .pytest_cache .mypy_cache .ruff_cache .hypothesis runs site
