#!/bin/sh
# Installs Debian's packages that some tests can use: `make setup-system`, as root. Optional: without them those
# tests are skipped with the reason.
set -eu
if [ "$(id -u)" -ne 0 ]; then
    echo "setup-system: needs root, for example: sudo make setup-system" >&2
    exit 2
fi
if ! command -v apt-get >/dev/null; then
    echo "setup-system: knows Debian's apt-get only; install chromium, curl, gcc, glpk, postgresql and prometheus yourself" >&2
    exit 2
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium curl gcc glpk-utils libc6-dev postgresql prometheus >/dev/null
