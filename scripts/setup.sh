#!/bin/sh
# Makes a virtual environment with pinned, hash-checked packages and this package in it, editable.
# Usage: scripts/setup.sh VENV REQUIREMENTS.txt
#
# Needs only Python 3.11 or later. Debian's python3 comes without the venv module's other half, so
# several ways are tried, the plainest first. An environment that works is used as it is.
set -eu
cd "$(dirname "$0")/.."
venv=$1
requirements=$2

say() { echo "set-up: $*" >&2; }

fits() { # is this a Python that can run us?
    "$1" -c 'import sys, ssl, zlib; sys.exit(not (3, 11) <= sys.version_info < (4,))' >/dev/null 2>&1
}

works() { "$venv/bin/python" -c 'import pip' >/dev/null 2>&1; }

pythons() { # candidates, best first; PYTHON=... overrides
    for name in ${PYTHON:-python3.13 python3.12 python3.11 python3 /usr/bin/python3}; do
        if fits "$name"; then echo "$name"; fi
    done
}

try() { # try WORDS...: run it into a clean place, keep the result only if it has pip
    rm -rf "$venv"
    "$@" >"$log" 2>&1 && works
}

create() {
    for python in $(pythons); do try "$python" -m venv "$venv" && return; done
    for python in $(pythons); do
        try "$python" -m virtualenv "$venv" && return
        # A system pip (22.3 or later) can fill an environment that has none.
        try without_pip "$python" && return
    done
    if command -v uv >/dev/null; then try uv venv --seed --python '>=3.11' "$venv" && return; fi
    return 1
}

without_pip() {
    "$1" -m venv --without-pip "$venv" && "$1" -m pip --python "$venv/bin/python" install pip
}

apt_install() { # only where nobody needs to be asked
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    say "installing $* with apt-get"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y --no-install-recommends "$@" >"$log" 2>&1 && return
    apt-get update >"$log" 2>&1 && apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1
}

give_up() {
    say "error: $1"
    say "hint: $2"
    exit 2
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT

if [ -e "$venv" ] && [ ! -e "$venv/pyvenv.cfg" ]; then
    give_up "$venv is there and is no virtual environment" "name another place: make VENV=..."
fi
if ! works; then
    if [ -z "$(pythons)" ] && ! command -v uv >/dev/null; then
        apt_install python3 python3-venv || true
        [ -n "$(pythons)" ] || give_up "no Python 3.11 or later was found" \
            "install Python 3.11 or later, or say where it is: make PYTHON=/path/to/python3.11"
    fi
    create || { apt_install python3-venv && create; } || give_up \
        "$(pythons | head -n 1) cannot make a virtual environment" \
        "apt-get install python3-venv"
fi

say "installing $requirements into $venv with $("$venv/bin/python" --version)"
# A build of ours must not depend on what a user's PYTHONPATH or an active environment holds.
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV || true
pip() { "$venv/bin/python" -m pip --disable-pip-version-check --quiet --quiet --no-input "$@"; }
# pyspark is published as source only: Python and jars, nothing is compiled.
pip install --no-compile --retries 8 --require-hashes \
    --only-binary :all: --no-binary pyspark --requirement "$requirements"
pip install --no-deps --no-build-isolation --no-index --editable .
