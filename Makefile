# Two commands: `make run` runs it, `make test` proves it. Both set everything up. Works with make 3.81.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint format docs clean requirements

VENV := .venv
PY := $(VENV)/bin/python

# Nothing is ever installed outside the environment, and no interpreter is downloaded.
export PIP_REQUIRE_VIRTUALENV := 1
export PIP_USER := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV_PYTHON_DOWNLOADS := never
unexport UV_SYSTEM_PYTHON PIP_TARGET PIP_PREFIX

# The first Python that runs (a shim on the PATH may not), is new enough, and can make environments.
find_python = for python in python3.11 python3.12 python3.13 python3.10 python3; do \
	$$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1 \
	&& { echo $$python; exit; }; done
PYTHON ?= $(shell $(find_python))

# uv when there is one (it is quicker), pip when there is none or it fails.
install = again=$$(test -e $(VENV)/.installing && echo --force-reinstall); touch $(VENV)/.installing; \
	{ { test -n "$$($(find_uv))" && $$($(find_uv)) pip install --quiet --python $(PY) $$again $(1); } \
	|| $(PY) -m pip install --quiet $$again $(1); } && rm -f $(VENV)/.installing
find_uv = { test -x $(VENV)/bin/uv && echo $(VENV)/bin/uv; } || { uv --version >/dev/null 2>&1 && echo uv; }

help:
	@echo "make run       set up, then serve billable with a demo catalogue"
	@echo "make test      set up, then run the suite on SQLite and PostgreSQL (ARGS=... goes to pytest)"
	@echo "make lint      style, types, architecture, ceilings"
	@echo "make format    let ruff rewrite what it can"
	@echo "make docs      build the documentation into build/docs"
	@echo "make clean     remove the environment and every cache"

run: $(VENV)/.installed-server
	@$(PY) -m billable $(ARGS)

test: $(VENV)/.installed-dev
	@$(PY) -m tests $(ARGS)

lint: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PY) -m tests.ceilings

format: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

docs: $(VENV)/.installed-dev
	@$(PY) -m sphinx -q -W -b html docs build/docs
	@echo "$(CURDIR)/build/docs/index.html"

clean:
	rm -rf $(VENV) build dist docs/_build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

requirements: $(VENV)/.installed-dev
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.10 --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links requirements/dev.in --output-file requirements/dev.txt

# .created is written last and says where: an environment that was interrupted while it was made, was moved, or
# lost its interpreter does not match, and is built anew. .installing is there for as long as something is being
# installed: who finds it installs everything again over what an interrupted run left.
ifneq ($(shell test -x $(PY) && cat $(VENV)/.created 2>/dev/null),$(CURDIR))
.PHONY: $(VENV)/.created
endif

$(VENV)/.created:
	@rm -rf $(VENV)
	@echo "Making $(VENV) ..."
	@python="$(PYTHON)"; \
	{ test -n "$$python" && "$$python" -m venv $(VENV) >/dev/null 2>&1; } \
	|| { rm -rf $(VENV); uv venv --quiet --seed --python '>=3.10' $(VENV) 2>/dev/null; } \
	|| { rm -rf $(VENV); echo "billable needs Python 3.10 or newer with the venv module" \
		"(on Debian and Ubuntu: apt install python3-venv), or uv on the PATH." >&2; exit 1; }
	@uv --version >/dev/null 2>&1 || $(PY) -m pip install --quiet -c requirements/dev.txt uv || true
	@pwd > $@

$(VENV)/.installed-server: $(VENV)/.created requirements/dev.txt pyproject.toml
	@echo "Installing billable and its server ..."
	@$(call install,-c requirements/dev.txt -e '.[server]')
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.created requirements/dev.txt pyproject.toml
	@echo "Installing billable and what its tests need ..."
	@$(call install,-r requirements/dev.txt)
	@$(call install,--no-deps --no-build-isolation -e .)
	@touch $@ $(VENV)/.installed-server
