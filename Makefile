# The commands of the project. Each first brings the set-up up to date.
PYTHON ?= python3.11
PY := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help setup run test test-slow dev docs screenshots bench check format lock

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/.synced ## create .venv from the lock, and fetch the jars of the broker and the S3 server into the cache
	@$(PY) -m emulators fetch

.venv/.synced: requirements.lock .ci/uv.lock pyproject.toml
	@sh .ci/setup "$(PYTHON)"

run: setup ## run the whole batch path once: emulators, sample, pipeline, reports
	@$(PY) -m emulators exec -- sh .ci/tour

dev: setup ## run the emulators, steady posting and the Dagster UI on port 3000
	@trap : INT; PINTEREST_DRAIN_FILL_SECONDS=$${PINTEREST_DRAIN_FILL_SECONDS:-5} $(PY) -m emulators exec --posting --spark --logged --port 3000 --port 9464 --with ".venv/bin/pinterest metrics" \
	  --hide 'dagster\.daemon[.\w]* - \S*INFO\S* - (?!Completed launch)|Moving dangling' \
	  --hide ': landed o|: batch \d|Dependencies for step |rows? inspected|small files? compacted' \
	  --hide 'records? in [\d,]+ rounds?|: checking version \d|compared with [\d,]+ rows?|: no new objects|: [\d,]+ rows?, (replaced|unchanged)$$' \
	  --hide ' - (drawing the page|accounting for the offsets|measuring lag)' \
	  --hide '^(  |$$|Stack Trace:|Traceback \(most recent|The above exception|pinterest_platform\.failures\.)' -- \
	  $(PY) -W "ignore:Function \`dev_command\`" -m dagster dev -h 127.0.0.1 -p 3000 || { code=$$?; test $$code -eq 130 || exit $$code; }

check: setup ## check lint, types, import rules, words and dependencies
	@sh .ci/check

test: check ## check, and run all tests except the slow ones in two workers
	@$(PY) -m pytest -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder

test-slow: setup ## run the slow tests
	@$(PY) -m pytest -m slow

bench: setup ## run every benchmark next to its peer: one table, and the results in docs/ (about 20 minutes)
	@$(PY) -m benchmarks

docs: setup ## build the documentation site in site/, readable without a network
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --quiet --strict -f docs/site/mkdocs.yml && echo "open site/index.html"
	@ls .cache/screenshots/*.png > /dev/null 2>&1 || echo "it has no screenshots: make screenshots adds them"

screenshots: setup ## take the screenshots of the documentation from a running platform, for make docs (needs chromium)
	@$(PY) -m emulators exec --home .cache/screenshots-home --posting --spark -- sh -c 'sh .ci/tour && $(PY) docs/site/screenshots.py'

format: setup ## fix and format what ruff can
	@$(PY) -m ruff check --fix . ; $(PY) -m ruff format .

lock: setup ## upgrade and lock the dependencies
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --all-extras --upgrade --generate-hashes \
	  --no-emit-index-url --no-strip-extras pyproject.toml -o requirements.lock
