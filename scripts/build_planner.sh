#!/bin/sh
# Builds the two wheels that an existing Airflow installs, into dist/: freesh-plugin (documents) and freesh-planner.
set -eu
cd "$(dirname "$0")/.."
out=${1:-$PWD/dist}
.venv/bin/python -m hatchling build -t wheel -d "$out"
(cd deploy/planner && ../../.venv/bin/python -m hatchling build -t wheel -d "$out")
