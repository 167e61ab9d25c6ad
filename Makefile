# `make` lists what can be made. All of it works for root and for a normal user.

SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-long lint lint-jenkins audit bench up down status mail reset clean

VENV := .venv/bin/python
RUNTIME := .venv/.runtime
DEV := .venv/.dev
TOOLS := .venv/.tools
WORKERS := 2
SHELL_SCRIPTS := $(wildcard scripts/*.sh docker/*.sh hive/*.sh jenkins/*.sh) .ci/run
DOCKERFILES := $(wildcard */Dockerfile docker/*.Dockerfile)
YAML := $(wildcard docker-compose.yaml docker/*/*.yaml jenkins/*.yaml)
GROOVY := Jenkinsfile $(wildcard jenkins/pipelines/*) jenkins/seed.groovy $(wildcard tests/jenkins/*.groovy)
AUDIT := .audit/bin/pip-audit
GROOVY_LINT := .node/node_modules/.bin/npm-groovy-lint

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s  %s\n", $$1, $$2 }' Makefile

setup: $(RUNTIME) $(TOOLS) ## Make all that the warehouse needs: packages, Java, jars, databases; again is quick
	@scripts/run_setup.sh

demo: setup ## Land files, run the whole pipeline, show the outcome: [DATA= COUNTRIES=] [DAYS=]
	@scripts/demo.sh "$(DATA)" "$(COUNTRIES)" "$(DAYS)"

test: $(DEV) $(TOOLS) ## Run the tests, two folders at a time: [ARGS="-k name"] [WORKERS=]
	@$(VENV) -m pytest --numprocesses $(WORKERS) --no-loadscope-reorder $(ARGS)

test-long: $(DEV) $(TOOLS) ## Run the tests that take minutes each, but those that passed with this code: [ARGS=]
	@$(VENV) -m pytest -m long --resume $(ARGS)

lint: $(DEV) ## Check style, types, SQL, shell and which part may import which
	@$(VENV) -m ruff check .
	@$(VENV) -m ruff format --check .
	@$(VENV) -m mypy
	@.venv/bin/lint-imports
	@$(VENV) -m sqlfluff lint --disable-progress-bar sql hive
	@.venv/bin/shellcheck $(SHELL_SCRIPTS)
	@.venv/bin/shfmt -d $(SHELL_SCRIPTS)
	@.venv/bin/hadolint $(DOCKERFILES)
	@.venv/bin/yamllint --strict $(YAML)

lint-jenkins: $(GROOVY_LINT) ## Check the Jenkinsfiles; needs npm, and takes a minute
	@$(GROOVY_LINT) --noserver --failon warning --loglevel warning --config $(CURDIR) $(GROOVY)

audit: $(AUDIT) ## Look the packages up among known vulnerabilities; needs the network
	@scripts/audit.sh

bench: $(DEV) $(TOOLS) ## Measure: [ARGS=]
	@$(VENV) -m bench $(ARGS)

up: $(RUNTIME) ## Start Postgres and the mail catcher
	@$(VENV) -m embedded up

down: $(RUNTIME) ## Stop them
	@$(VENV) -m embedded down

status: $(RUNTIME) ## Say what is up and where
	@$(VENV) -m embedded status

mail: $(RUNTIME) ## List the mail that was caught
	@$(VENV) -m embedded mail

reset: $(RUNTIME) ## Say what a reset would remove; then: make reset CONFIRM=<checksum>
	@scripts/run_reset.sh $(if $(CONFIRM),--confirm $(CONFIRM))

clean: ## Remove what make fetched and tools left; data stays
	@rm -rf .venv .jars .node .audit .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME): requirements.txt constraints.txt
	@[[ -x $(VENV) ]] || scripts/make_venv.sh $(PYTHON)
	@$(VENV) -m pip install --quiet --use-pep517 --requirement requirements.txt
	@touch $@

$(DEV): $(RUNTIME) requirements-dev.txt
	@$(VENV) -m pip install --quiet --use-pep517 --requirement requirements-dev.txt
	@touch $@

$(TOOLS): $(RUNTIME) embedded/jars.txt
	@$(VENV) -m embedded tools
	@touch $@

# By itself: what it brings along is not what it looks up.
$(AUDIT): Makefile
	@[[ -x .audit/bin/python ]] || $(or $(PYTHON),python3) -m venv .audit
	@.audit/bin/python -m pip install --quiet pip-audit==2.10.1
	@touch $@

# The newest version that Node 20 runs.
$(GROOVY_LINT): Makefile
	@npm install --silent --no-save --no-package-lock --prefix .node npm-groovy-lint@16.2.0
	@touch $@
