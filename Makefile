# Everything a developer does. Each target first sets up what it needs (system packages, .venv, test servers) and
# does nothing twice: a step is repeated only when the files that it depends on have changed.
#
#   make demo    a local maintenance system, read and shown          make bench   the benchmarks, with their comparisons
#   make test    all checks, what the continuous integration runs    make fuzz    FUZZ_SECONDS (default 3600) for each fuzz target
#   make lint    format, static analysis, types                      make soak    long runs under faults: ROUNDS=200, SECONDS=...
#   make setup   only what the others need                           make clean   forget everything that was built

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.ONESHELL:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 3600
# Of `make soak`: rounds of killing, and seconds after which a test that tries many combinations begins no other one (none: all of them).
ROUNDS ?= 200
SECONDS ?=
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

# What the installed package is made of.
PACKAGE := pyproject.toml CMakeLists.txt VERSION LICENSE README.md cmake core plugins bindings python

.PHONY: demo test lint bench fuzz soak setup clean system venv servers package stubs format \
        test-cpp test-asan test-tsan test-fuzz test-python compile-commands

demo: package
	$(BIN)/switchgear demo

# The quickest to fail first; the sanitizers, which share nothing with the rest, last.
test: lint test-cpp test-python test-asan test-fuzz test-tsan
	@echo "all checks passed"

# --- what the others need

system:
	@scripts/install-deps all

venv: system
	@scripts/once $(VENV)/.stamp requirements-dev.txt scripts/make-venv -- scripts/make-venv $(VENV) $(PYTHON)

servers: system
	@if [ -x scripts/setup-test-servers ]; then scripts/setup-test-servers; fi

package: venv
	@scripts/once $(VENV)/.package-stamp $(VENV)/.stamp $(PACKAGE) -- \
	  env CMAKE_BUILD_PARALLEL_LEVEL=$(JOBS) $(BIN)/pip install --quiet --no-deps --no-build-isolation --force-reinstall \
	  --config-settings=build-dir=build/python .

setup: venv servers package

# --- the parts of `make test`

lint: compile-commands
	@scripts/lint

# clang-tidy looks at a file as it is compiled, the bindings as pip compiles them.
compile-commands: package
	@cmake --preset dev --log-level=WARNING >/dev/null

test-cpp test-asan test-tsan: preset = $(patsubst test-%,%,$(subst cpp,dev,$@))
test-cpp test-asan test-tsan: venv servers
	@echo "== C++ tests ($(preset))"
	cmake --preset $(preset) --log-level=WARNING >/dev/null
	cmake --build --preset $(preset) --parallel $(JOBS) -- --quiet
	ctest --preset $(preset) --parallel $(JOBS) --progress

test-fuzz: system
	@scripts/run-fuzzers 10

test-python: package servers
	@echo "== Python tests"
	$(BIN)/python -m pytest

# --- the rest

bench: package servers
	@cmake --preset release --log-level=WARNING >/dev/null
	cmake --build --preset release --parallel $(JOBS) -- --quiet
	$(BIN)/python benchmarks/run.py

fuzz: system
	@scripts/run-fuzzers $(FUZZ_SECONDS)

soak: package servers
	@cmake --preset dev --log-level=WARNING >/dev/null
	cmake --build --preset dev --parallel $(JOBS) --target test_policy -- --quiet
	SWITCHGEAR_STRESS_CALLS=1000000 build/dev/tests/cpp/policy/test_policy --gtest_filter='Stress.*'
	SWITCHGEAR_ROUNDS=$(ROUNDS) SWITCHGEAR_SECONDS=$(SECONDS) $(BIN)/python -m pytest -m soak --timeout=0

stubs: package
	@scripts/make-stubs

format: venv
	@$(BIN)/ruff format --quiet .
	$(BIN)/ruff check --quiet --fix .
	git ls-files -z '*.cpp' '*.hpp' '*.h' | xargs -0 $(BIN)/clang-format -i

clean:
	rm -rf build $(VENV) .cache
