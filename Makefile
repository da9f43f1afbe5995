# The one door: `make` or `make help` lists what is behind it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOME_OF_RUN := .run/home
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# What rooms of the full suite need from Debian, as room=package pairs.
DEBIAN_ROOMS := browser=chromium \
  door=postfix door=dovecot-imapd door=dovecot-lmtpd door=dovecot-sieve door=rspamd \
  door=nodejs door=php-cli door=php-curl door=composer door=mutt door=libsisimai-perl door=patch door=strace door=systemd \
  door=libgnutls-dane0 door=libidn12 door=libnsl2 \
  monitor=prometheus proxy=nginx-light webmail=roundcube-sqlite3 webmail=roundcube-plugins
# A mail server beside which Postfix can not be installed is unpacked only.
EXIM := $(VENV)/exim
APT := DEBIAN_FRONTEND=noninteractive apt-get install -y -qq
# What these only recommend would be a web server that begins to serve, and a second package manager.
BARE = $(APT) $$(case $$package in roundcube*|nodejs) echo --no-install-recommends ;; esac)

.PHONY: help run xpi test drill mutate lint law bench bench-grouping docs locks clean debian

help: ## list these targets
	@echo "Antiphon: one answer per call. Usage: make TARGET"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Stamps live in .venv: a second run installs nothing. The package is installed from this folder, not copied.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Antiphon needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "No virtual environment could be made. On Debian: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/run.stamp $(VENV)/test.stamp $(VENV)/bench.stamp: $(VENV)/%.stamp: requirements/%.lock.txt pyproject.toml | $(BIN)/python
	@echo "Installing from $<"
	@$(PIP) install --require-hashes -r $<
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

run: $(VENV)/run.stamp ## watch the demo world on a status page; with MAIL=path, read your own mail (nothing is sent)
ifdef MAIL
	@mkdir -p $(HOME_OF_RUN)
	@$(BIN)/antiphon --home $(HOME_OF_RUN) quickstart "$(MAIL)"
else
	@$(BIN)/antiphon demo --serve
endif

test: $(VENV)/test.stamp debian ## run every test; real mail is read where ANTIPHON_CORPORA names a folder of it
	@[ -n "$${ANTIPHON_CORPORA:-}" ] || echo "ANTIPHON_CORPORA is not set: tests on real mail are skipped."
	@$(BIN)/python -m pytest -q $(SPREAD)

# One worker a processor. A module stays in one worker, since its tests share a world; modules go out in their order on
# disk, where those that run whole worlds come first.
SPREAD := --numprocesses auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder

debian:
	@for pair in $(DEBIAN_ROOMS); do \
	  room=$${pair%%=*}; package=$${pair#*=}; \
	  dpkg -s "$$package" >/dev/null 2>&1 && continue; \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    { $(BARE) "$$package" || { apt-get update -qq && $(BARE) "$$package"; }; } >/dev/null 2>&1 && continue; \
	  fi; \
	  echo "Left out: the room $$room needs the Debian package $$package."; \
	done
	@[ -e $(EXIM)/usr/sbin/exim4 ] || ! command -v apt-get >/dev/null || { \
	  place=$$(mktemp -d); mkdir -p $(EXIM); \
	  { (cd "$$place" && apt-get download -qq exim4-daemon-light) && dpkg -x "$$place"/*.deb $(EXIM); } >/dev/null 2>&1 \
	    || echo "Left out: the room door needs the Debian package exim4-daemon-light."; \
	  rm -rf "$$place"; }

drill: $(VENV)/test.stamp ## turn on our own node, on loopback: kills, broken disks, copies; each drill ends in a figure
	@$(BIN)/antiphon drill

mutate: $(VENV)/test.stamp ## change what decides what may be sent, one place at a time: its tests have to notice (MODULES="optout/case ...")
	@$(BIN)/python -m tests.mutation $(MODULES)

lint: $(VENV)/test.stamp ## style, types, import contracts and house rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m pytest -q tests/unit/house

law: $(VENV)/test.stamp ## run the tests of the law alone: any interleaving, any crash point (ANTIPHON_LAW=20: for longer)
	@$(BIN)/python -m pytest -q tests/law

bench: $(VENV)/test.stamp ## measure: messages a second and core, step by step
	@for bench in bench/*.py; do echo "== $$bench"; $(BIN)/python "$$bench"; done

bench-grouping: $(VENV)/bench.stamp ## measure grouping against its peers and write the page; QUICK=1 for a small run
	@$(BIN)/python -m bench.grouping $(if $(QUICK),--quick)

xpi: ## pack the add-on for Thunderbird into dist/antiphon.xpi, the same bytes anywhere
	@mkdir -p dist
	@$(PYTHON) contrib/thunderbird/build.py dist/antiphon.xpi && echo dist/antiphon.xpi

docs: $(VENV)/test.stamp ## check that the pages are whole: links, citations, errors, usage, every setting and rule
	@$(BIN)/python -m pytest -q tests/unit/house -k "docs or citations or readme or errors or reference"

locks: $(BIN)/python ## rewrite requirements/*.lock.txt from pyproject.toml (needs pip-tools in .venv)
	@$(BIN)/python -m piptools compile $(LOCK) --extra build -o requirements/run.lock.txt pyproject.toml
	@$(BIN)/python -m piptools compile $(LOCK) --extra build --extra test --extra lint \
	  -c requirements/run.lock.txt -o requirements/test.lock.txt pyproject.toml
	@$(BIN)/python -m piptools compile $(LOCK) --extra build --extra bench \
	  -c requirements/test.lock.txt -o requirements/bench.lock.txt pyproject.toml
LOCK := -q --generate-hashes --allow-unsafe --strip-extras --no-header --no-annotate --no-emit-options \
  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

clean: ## remove caches and build results; keeps .venv and .run
	@rm -rf dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -path ./$(VENV) -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
