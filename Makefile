# The commands of the project; each begins by making sure that the set-up is there.
PYTHON ?= python3.11
PY := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help setup run test test-slow dev bench check format lock

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/.synced ## make .venv from the lock, and bring the broker's and the S3 server's jars into the cache
	@$(PY) -m emulators fetch

.venv/.synced: requirements.lock .ci/uv.lock pyproject.toml
	@sh .ci/setup "$(PYTHON)"

run: setup ## the whole batch path once: emulators, sample, pipeline, reports
	@$(PY) -m emulators exec -- sh .ci/tour

dev: setup ## emulators, steady posting and the Dagster UI on port 3000
	@$(PY) -m emulators exec --posting --spark -- $(PY) -m dagster dev -h 127.0.0.1 -p 3000

check: setup ## lint, types, import rules
	@sh .ci/check

test: check ## check, and every test but the slow ones, in two workers
	@$(PY) -m pytest -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder

test-slow: setup ## the slow tests alone
	@$(PY) -m pytest -m slow

bench: setup ## every benchmark with its peer: one table, and the results in docs/ (about 20 minutes)
	@$(PY) -m benchmarks

format: setup ## what ruff can mend by itself
	@$(PY) -m ruff check --fix . ; $(PY) -m ruff format .

lock: setup ## resolve the dependencies anew
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --all-extras --upgrade --generate-hashes \
	  --no-emit-index-url --no-strip-extras pyproject.toml -o requirements.lock
