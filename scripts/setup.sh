#!/bin/sh
# Makes the project's one environment at .venv, with nothing installed by hand and no root: `make setup`.
#
# A boot environment (.boot) holds uv; uv fills .venv with exactly what requirements/dev.txt pins and hashes.
# Nothing is done when both are up to date. PYTHON names the interpreter (3.11 to 3.13), else the first found.
set -eu
cd "$(dirname "$0")/.."

suitable='import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'

find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$candidate" -c "$suitable" >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    echo "setup: no Python 3.11 to 3.13 with venv and ensurepip found; name one with PYTHON=/path/to/python" >&2
    exit 2
}

if ! .boot/bin/python -c "$suitable" >/dev/null 2>&1; then
    python=$(find_python)
    echo "setup: boot environment .boot from $("$python" --version)"
    rm -rf .boot .venv
    "$python" -m venv .boot
fi
if ! cmp -s requirements/boot.txt .boot/installed.txt; then
    .boot/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/boot.txt
    cp requirements/boot.txt .boot/installed.txt
fi

stamp=$(cat requirements/dev.txt pyproject.toml | cksum)
if [ "$(cat .venv/freesh-stamp 2>/dev/null)" != "$stamp" ] || ! .venv/bin/python -c "import models" 2>/dev/null; then
    echo "setup: environment .venv from requirements/dev.txt"
    # System certificates: company mirrors are often signed by a company authority.
    export UV_PYTHON_DOWNLOADS=never UV_NO_CONFIG=1 UV_SYSTEM_CERTS=1
    [ -x .venv/bin/python ] || .boot/bin/uv venv --quiet --python .boot/bin/python .venv
    .boot/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes requirements/dev.txt
    # Editable, built with the pinned hatchling: puts `freesh` in .venv/bin and models and dags on the path.
    .boot/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
    echo "$stamp" > .venv/freesh-stamp
fi
