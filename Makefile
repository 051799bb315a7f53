# goldenpath: `make help` lists the targets. Every one installs what it needs into .venv first.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin

# The first Python from 3.11 to 3.14 that can make a virtual environment; 3.12 is the platform's.
FITS := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 15))
PYTHON ?= $(shell for p in python3.12 python3.13 python3.14 python3.11 python3 python; do \
	$$p -c '$(FITS)' 2>/dev/null && echo $$p && break; done)

# A mirror that pip knows of serves uv as well.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

# A site's own certificates count for uv as they do for pip.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt),)
export UV_SYSTEM_CERTS ?= true
endif

# The environment of a copied or renamed project would run the library of the old folder: it is made anew.
MADE_FOR := $(shell cat .venv/ready 2>/dev/null)
ifneq "$(MADE_FOR)" ""
ifneq "$(MADE_FOR)" "$(CURDIR)"
ANEW := --clear
.PHONY: .venv/ready
endif
endif

.PHONY: help run lab serve export check fix test test-slow bench mutants docs lock digests clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

# Nothing runs unless its hash is in a lock. A package without a wheel has to be built: SOURCES names it,
# and what builds it is in installer.lock as well.
SOURCES := kfp-server-api
HASHED := --require-hashes --only-binary :all:
# of what uv prints: not the list of packages
PROGRESS := !/^ ([-+~]|Downloaded) / { print "  " $$0 } /^Installed/ { print "  compiling them" } { fflush() }

.venv/ready: requirements.lock installer.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "goldenpath needs Python 3.11, 3.12, 3.13 or 3.14 with venv; set PYTHON=/path/to/python" >&2; exit 2; }
	@echo "making .venv with $(PYTHON); the first time this downloads about 450 MB and takes a few minutes"
	@$(PYTHON) -m venv $(ANEW) .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(HASHED) -r installer.lock
	@rm -f .venv/installed
	@{ $(BIN)/python -m uv pip install --compile-bytecode --python $(BIN)/python $(HASHED) \
			$(SOURCES:%=--no-binary %) --build-constraints installer.lock -r requirements.lock \
		&& $(BIN)/python -m uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . \
		&& touch .venv/installed; } 2>&1 | awk '$(PROGRESS)'
	@test -e .venv/installed
	@test ! -d .git || $(BIN)/python lab/commit_hook.py --install
	@echo "$(CURDIR)" > $@

run: .venv/ready ## train, evaluate, publish, and show training time against prediction time
	@$(BIN)/python -m goldenpath run

lab: .venv/ready ## JupyterLab with Elyra; saving a notebook exports its module; ARGS="--port 8889" goes to it
	@sh lab/start $(ARGS)

serve: .venv/ready ## answer predictions over HTTP
	@$(BIN)/python -m goldenpath serve

export: .venv/ready ## write the notebooks' exported cells into goldenpath/
	@$(BIN)/python -m goldenpath export
	@[ ! -f docs/openapi.json ] || $(BIN)/python -m serving.describe docs/openapi.json

check: .venv/ready ## lint, types, plain English, notebooks clean and exported; edits nothing
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/house/test_phrases.py tests/house/test_notebooks.py

fix: .venv/ready ## format, clean, export, and write the pages that are made from the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/nbdev-clean
	@$(BIN)/python -m goldenpath export
	@[ ! -f docs/openapi.json ] || $(BIN)/python -m serving.describe docs/openapi.json
	@[ ! -f docs/pages.py ] || $(BIN)/python docs/pages.py

test: check ## everything above, and the tests
	@$(BIN)/python -m pytest -q -m "not slow" --ignore tests/house/test_phrases.py --ignore tests/house/test_notebooks.py -n auto --maxprocesses 4 --dist loadfile

test-slow: .venv/ready ## the full form of the slow proofs
	@$(BIN)/python -m pytest -q -m "slow and not alone" --timeout 1800 -n auto --maxprocesses 3 --dist loadfile --no-loadscope-reorder
	@$(BIN)/python -m pytest -q -m "slow and alone" --timeout 1800

bench: .venv/ready ## how fast the server answers, against the floor of the same app
	@$(BIN)/python -m benchmarks.serving

mutants: .venv/ready ## change MODULE in many small ways: which changes do TESTS not notice? (minutes)
	@$(BIN)/python -m benchmarks.mutants $(MODULE) $(TESTS) $(if $(ONLY),--only '$(ONLY)')

docs: .venv/ready ## build the site from docs/, the API and the notebooks of the newest run (or RUN=folder)
	@$(BIN)/python docs/site/build.py $(if $(RUN),--run '$(RUN)')

# `make lock UPGRADE=` keeps every version that still fits.
UPGRADE := --upgrade
COMPILE := $(BIN)/python -m uv pip compile --quiet --generate-hashes --no-header

lock: .venv/ready ## resolve the locks anew: of this project, of its installer and of the images
	@$(COMPILE) $(UPGRADE) --universal --python-version 3.11 --extra dev --extra boosting --extra kfp pyproject.toml \
		-o requirements.lock
	@$(COMPILE) --universal --python-version 3.11 -c requirements.lock --extra workbench --extra ray \
		pyproject.toml -o requirements-ray.lock
	@printf 'setuptools\nuv\n' | $(COMPILE) $(UPGRADE) --universal --python-version 3.11 --no-annotate \
		-c requirements.lock - -o installer.lock
	@printf 'mutmut\n' | $(COMPILE) $(UPGRADE) --universal --python-version 3.11 --no-annotate \
		-c requirements.lock - -o benchmarks/mutants.lock
	@printf 'kfp\nkfp-kubernetes\n' | $(COMPILE) $(UPGRADE) --universal --python-version 3.11 --no-annotate \
		- -o tests/data/kfp/requirements.lock
	@printf 'mlflow\nskops\nrich\nkubernetes\n' | $(COMPILE) $(UPGRADE) --universal --python-version 3.11 \
		--no-annotate - -o tests/tracking/mlflow.lock
	@printf 'mlflow==3.15.1\nskops\nrich\nkubernetes\n' | $(COMPILE) $(UPGRADE) --universal \
		--python-version 3.11 --no-annotate - -o tests/tracking/mlflow-3.15.lock
	@printf 'furo\nmyst-nb\nsphinx\n' | $(COMPILE) $(UPGRADE) --universal --python-version 3.11 --no-annotate \
		-c requirements.lock - -o docs/site/requirements.lock
	@$(COMPILE) --universal --python-version 3.12 -c requirements.lock --extra serving pyproject.toml \
		-o serving/requirements.lock
	@$(COMPILE) --python-version 3.12 -c runtime-images/stock-runtime-3.6-py312.txt \
		runtime-images/beyond-stock.txt -o runtime-images/requirements.lock
	@{ echo "# What goldenpath's own runtime image contains: the stock list, and requirements.lock."; \
		cat runtime-images/stock-runtime-3.6-py312.txt runtime-images/requirements.lock \
		| sed -n 's/^\([a-z][^ ]*==[^ ;]*\).*/\1/p' | sort -u; } > runtime-images/goldenpath-runtime-py312.txt

digests: ## look up the digests of all base images (with skopeo) and pin them
	@python3 openshift/digests.py --renew

clean: ## remove .venv and caches (never volume/)
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis site
