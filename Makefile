# Kairos: every target sets up its own virtual environment; needs git, make and Python >= 3.11.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
UV_VERSION := 0.13.9
BIN := .venv/bin
SEED ?= 1
MINUTES ?= 30
PORT ?= 9092
EXAMPLES ?= 3000
PEER_OPTIONS = $(if $(WHICH),--which "$(WHICH)") $(if $(RUNS),--runs $(RUNS)) $(if $(SIZE),--size $(SIZE)) $(if $(LAB),--lab "$(LAB)")
# Every test process has a broker of its own; one that is given (KAFKA_BOOTSTRAP) they cannot share. tests/order.py says why there are three.
PARALLEL := $(if $(KAFKA_BOOTSTRAP),,-n 3 --dist worksteal)
# A folder with real input for tests/real_input; without it they are left out, and the last line says so.
export REAL_INPUT ?= $(firstword $(wildcard ../shared/data))
READY := .venv/.ready
TOOLS := .tools/.ready
.DEFAULT_GOAL := help
.PHONY: help setup demo stack broker test check faults faults-random laws laws-random bench bench-page bench-peers bench-recovery soak release clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

$(READY): pyproject.toml uv.lock
	@test -n "$(PYTHON)" || { echo "Kairos needs Python >= 3.11: none was found; name one with make PYTHON=..."; exit 1; }
	@echo "Setting up .venv (once; some minutes where nothing is cached) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@test -x $(BIN)/uv || $(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)
	@UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv sync -q --frozen --inexact --extra demo --extra formats --extra otel --extra page --compile-bytecode
	@echo "Compiling the kernels (once; about a minute) ..."
	@$(BIN)/python -c "import streams.engine.engine"
	@touch $@

$(TOOLS): deploy/tools.sh
	@echo "Unpacking what checks deploy/ and the page into .tools (once; some minutes) ..."
	@bash deploy/tools.sh

setup: $(READY) ## set up the virtual environment

demo: $(READY) ## run the main job on the embedded broker for 30 seconds from the first event on
	@$(BIN)/kairos demo

stack: $(READY) $(TOOLS) ## broker, topics, city, two workers, Prometheus (and Grafana) as processes, until Ctrl-C
	@$(BIN)/python -m tests.deploy.stack

broker: $(READY) ## a Kafka broker on 127.0.0.1:9092 to try things on, until Ctrl-C (Java 17 and Maven): make broker PORT=9092
	@$(BIN)/python -m tests.broker.alone $(PORT)

test: check $(TOOLS) ## format, lint, types, import rules, then all tests (Java 17 and Maven for the real-broker ones)
	@$(BIN)/python -m compileall -q schemas streams events tests # once for the hundreds of processes that they start
	@$(BIN)/python -m pytest $(PARALLEL)

check: $(READY) ## format, lint, types, import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

faults: $(READY) ## all fault trials, the long ones too (about half an hour), and their table in docs/faults.md
	@rm -rf .faults
	@$(BIN)/python -m pytest tests/faults -m "fault_full or not fault_full" --timeout 900 $(PARALLEL:3=2); $(BIN)/python -m tests.faults

faults-random: $(READY) ## 30 minutes of random faults: make faults-random SEED=7 MINUTES=30
	@SEED=$(SEED) MINUTES=$(MINUTES) $(BIN)/python -m pytest tests/faults/random_schedule.py -m "fault_full or not fault_full" --timeout 0 -s

laws: $(READY) ## each rule with one change, on its own cases: every change that no case sees (some minutes)
	@$(BIN)/kairos check --mutants

laws-random: $(READY) ## the laws of the engine on random timelines, shrunk where they fail: make laws-random EXAMPLES=3000
	@EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest tests/engine -m nightly --timeout 0

bench: $(READY) ## the worker with 5, 25 and all events against the floor of the same run (six minutes): make bench SIZE=1200000 JSON=figures.json
	@$(BIN)/python -m tests.speed bench $(if $(SIZE),--size $(SIZE)) $(if $(JSON),--json $(JSON))

bench-page: $(READY) ## measure everything and write docs/performance.md (some 20 minutes; FULL=1: three hours; PEERS=FOLDER: the peers too)
	@$(if $(PEERS),$(BIN)/python -m tests.speed peers --peers "$(PEERS)" $(PEER_OPTIONS) --json docs/performance.json)
	@$(BIN)/python -m tests.speed everything --json docs/performance.json $(if $(FULL),--full); failed=$$?; $(BIN)/python -m tests.speed page docs/performance.json && exit $$failed

bench-peers: $(READY) ## the same five rules on other systems: make bench-peers PEERS=FOLDER WHICH="flink-p1 ks-mem-eos" RUNS=2 SIZE=3000000 LAB=FOLDER
	@$(BIN)/python -m tests.speed peers $(if $(PEERS),--peers "$(PEERS)") $(PEER_OPTIONS) $(if $(JSON),--json $(JSON))

bench-recovery: $(READY) ## measure restore rows/s and take-over times
	@$(BIN)/python -m tests.speed restore --full
	@$(BIN)/python -m tests.speed.takeover

soak: $(READY) ## a simulated day with restarts and ever more customers: is anything growing? (an hour): make soak MINUTES=60 RATE=400 JSON=figures.json
	@$(BIN)/python -m tests.speed soak $(if $(filter-out file,$(origin MINUTES)),--minutes $(MINUTES)) $(if $(RATE),--rate $(RATE)) $(if $(JSON),--json $(JSON))

release: $(READY) ## wheel, source archive and image: make release VERSION=0.2.0
	@bash deploy/release.sh "$(VERSION)"

clean: ## remove the virtual environment and caches
	rm -rf .venv .tools .pytest_cache .mypy_cache .ruff_cache .hypothesis .kafka
