# Everything runs in .venv, which is made from requirements.lock and made anew when the lock changes.
# Needs python3 >= 3.11 with venv and pip; another interpreter: make PYTHON=python3.13 test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
KERNELS := $(VENV)/.kernels
DEMO := out/demo

# Tests start many processes; each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help venv kernels demo browser test test-slow check format lock regress regress-nightly claims superhet wheel clean

help:
	@echo "make demo        map GPT-2 onto the chip 'superhet' and check the plan"
	@echo "make kernels     compile what is compiled once: two minutes"
	@echo "make test        the fast tests"
	@echo "make browser     a Chromium for the tests of pages, where the system has none"
	@echo "make test-slow   the slow tests"
	@echo "make regress     what a change made worse in the project's own mappings; regress-nightly: in all of them"
	@echo "make claims      claims of the market, computed and held against what is said; writes docs/claims-checked.md"
	@echo "make superhet    docs/superhet.md anew: an hour on two cores, less where out/superhet holds answers"
	@echo "make check       lint, format, types, imports"
	@echo "make format      reformat the code"
	@echo "make lock        pin the newest versions in requirements.lock"
	@echo "make wheel       build the wheel into dist/"

venv: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: mapper needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	@if ! cmp -s requirements.lock $(VENV)/requirements.lock; then \
		set -e; \
		echo "$(PYTHON) -m venv $(VENV)"; \
		$(PYTHON) -m venv --clear $(VENV); \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -r requirements.lock; \
		cp requirements.lock $(VENV)/requirements.lock; \
	fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)
	mkdir -p $(DEMO)
	$(BIN)/python samples/models/build.py gpt2 --out $(DEMO)/gpt2.onnx
	$(BIN)/mapper compile $(DEMO)/gpt2.onnx --target superhet \
		--phase "prefill: batch=1 seq=512 past=0" --phase "decode: batch=1 seq=1 past=512..639" --out $(DEMO)/plan
	$(BIN)/mapper check $(DEMO)/plan/plan.json

# Tests of pages are skipped where no browser is to be had; the reason stands in pytest's output.
SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)

browser:
	@if command -v chromium chromium-browser google-chrome-stable google-chrome; then :; \
	elif command -v apt-get > /dev/null; then \
		{ $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends chromium > /dev/null; } \
			|| echo "no browser could be installed: tests of pages will be skipped"; \
	else echo "no browser here, and no apt-get to install one: tests of pages will be skipped"; fi

# Compiled once, so that no test waits for it and no two workers compile the same: kernels, and the tests' own modules.
# What cannot be collected the tests tell.
$(KERNELS): $(READY) $(wildcard mapper/cost/*_kernels.py mapper/solve/*/*_kernels.py mapper/solve/*/*/*_kernels.py benchmarks/rivals/*_kernels.py)
	$(BIN)/python benchmarks/kernels.py
	-$(BIN)/python -m pytest --collect-only -q -n 0 > /dev/null
	@touch $@

kernels: $(KERNELS)

test: $(KERNELS)
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist worksteal

test-slow: $(KERNELS)
	$(BIN)/python -m pytest -m slow -n 2 --dist worksteal

superhet: $(KERNELS)
	$(BIN)/python benchmarks/superhet.py --out docs/superhet.md

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(READY)
	$(BIN)/pip-compile --quiet --upgrade --no-header --allow-unsafe --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host --strip-extras --extra dev --extra run --output-file requirements.lock pyproject.toml

REGRESS := tests/regress/cases.yaml
REGRESS_OUT := out/regress

# What a change made worse in the project's own mappings, against what was accepted (tests/regress/baseline.json).
# A case without an answer (exit code 1) is no reason to be silent about the others.
regress: FILTER := --filter tag:fast
regress regress-nightly: $(KERNELS)
	$(BIN)/python samples/models/of_suite.py $(REGRESS) --out $(REGRESS_OUT)/models
	$(BIN)/mapper regress run $(REGRESS) --models $(REGRESS_OUT)/models --out $(REGRESS_OUT) $(FILTER) || ran=$$?; \
	[ $${ran:-0} -le 1 ] || exit $$ran; \
	$(BIN)/mapper regress compare $(REGRESS) --out $(REGRESS_OUT) $(FILTER) --markdown $(REGRESS_OUT)/comment.md \
		--junit $(REGRESS_OUT)/junit.xml --html $(REGRESS_OUT)/comparison.html && exit $${ran:-0}

CLAIMS_OUT := out/claims

# Answers are kept: what has not changed since is not compiled again.
claims: $(KERNELS)
	$(BIN)/python samples/models/of_claims.py samples/claims.yaml --out $(CLAIMS_OUT)/models
	$(BIN)/mapper claims samples/claims.yaml --out $(CLAIMS_OUT) --markdown docs/claims-checked.md

wheel: $(READY)
	rm -rf build dist
	$(BIN)/python -m build --wheel --no-isolation

clean:
	rm -rf $(VENV) build dist out *.egg-info
