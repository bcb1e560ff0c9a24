# One door for developers. Needs python3 (3.10 or newer), its venv module and make; everything else is installed by the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PEERS  := .peers
PORT   ?= 9000
# One more than there are processors: tests wait for programs more than they compute.
JOBS   ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
RESULTS := docs/conformance/results/2026.11

.DEFAULT_GOAL := help
.PHONY: help serve test lint bench conform results peers bubblewrap nats-server clean

help:
	@echo "make serve    serve the functions of examples/ on http://127.0.0.1:$(PORT)"
	@echo "make test     run every check: lint, types, tests"
	@echo "make lint     ruff and mypy only"
	@echo "make bench    measure against AWS's emulator and AWS's runtime client, side by side"
	@echo "make conform  judge our runtime and server, and run AWS's emulator and runtimes against them"
	@echo "make results  judge every implementation in docs/conformance/results anew, and write what was found"
	@echo "make peers    install those peers into $(PEERS)/, bubblewrap and nats-server (bench and the tests use them)"
	@echo "make clean    remove everything the other targets made"

$(READY): pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.10 or newer (Debian: apt install python3 python3-venv)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "$(PYTHON) is $$($(PYTHON) -V 2>&1): Python 3.10 or newer is needed; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "the venv module is missing: install it (Debian: apt install python3-venv)" >&2; exit 1; }
	@echo "making $(VENV), once, in one to three minutes: 1. an empty environment"
	@$(PYTHON) -m venv $(VENV)
	@echo "2. pilotlight, and what serving, testing and measuring it need (pip says nothing while it downloads)"
	# compat: setuptools' other way hooks imports, in every sandbox and out of type checkers' sight
	@$(BIN)/pip install --quiet --disable-pip-version-check --config-settings editable_mode=compat --editable '.[dev]'
	@touch $@

# Ctrl-C is how it ends, and no error. The shell that says so waits in between, and passes on the SIGTERM it gets in the server's place.
serve: $(READY)
	@trap : INT; trap 'kill $$!' TERM; $(BIN)/pilotlight serve examples --port $(PORT) & \
	while wait $$!; status=$$?; kill -0 $$! 2>/dev/null; do :; done; [ $$status = 130 ] || exit $$status

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint peers bubblewrap nats-server
	$(BIN)/pytest --numprocesses $(JOBS) --dist loadfile

peers: $(READY)
	@$(BIN)/python benchmarks/peers.py $(PEERS)

# What needs it is skipped where it is missing.
bubblewrap: PROGRAM := bwrap
nats-server: PROGRAM := nats-server
bubblewrap nats-server:
	@if ! command -v $(PROGRAM) >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing $@ by apt-get"; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $@ >/dev/null; } \
			|| echo "$@ cannot be installed: its tests are skipped" >&2; \
	fi

bench: peers bubblewrap nats-server
	$(BIN)/python -m benchmarks

# Each side by the suite, then against AWS's own: our bootstrap on AWS's emulator, AWS's Python and Node.js runtimes on our server.
conform: peers
	$(BIN)/pilotlight conform runtime --strict --config $(RESULTS)/runtime/pilotlight/conform.toml
	$(BIN)/pilotlight conform server --strict --config $(RESULTS)/server/pilotlight/conform.toml
	$(BIN)/pytest tests/peers tests/bootstrap/test_parity.py

results: peers
	$(BIN)/python -m benchmarks.conformance.publish

clean:
	rm -rf $(VENV) $(PEERS) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis benchmarks/results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
