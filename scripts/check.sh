#!/bin/sh
# Format, lint, types and import contracts, as people and CI check them: `make check`.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/ruff format --check .
.venv/bin/ruff check .
.venv/bin/mypy
.venv/bin/lint-imports
