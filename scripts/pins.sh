#!/bin/sh
# Writes requirements/*.txt from pyproject.toml: every version pinned, every file hashed, for Python 3.11
# to 3.13 on Linux x86_64 and aarch64, no index named. All are wheels but pyspark, which is only
# published as source (Python and jars: nothing is compiled). Needs uv on the PATH or in the environment.
# Usage: scripts/pins.sh [--upgrade]
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
command -v uv >/dev/null || { echo "error: uv is missing; hint: .venv/bin/python -m pip install uv" >&2; exit 2; }

compile() { # compile OUTPUT GROUP [MORE...]
    output=$1 group=$2
    shift 2
    uv pip compile pyproject.toml --group "$group" --quiet --universal \
        --python-version 3.11 --generate-hashes --no-annotate --no-header \
        --only-binary :all: --no-binary pyspark --output-file "$output" "$@" >/dev/null
    echo "$output: $(grep -c '^[a-z0-9]' "$output") packages"
}

compile requirements/base.txt build "$@"
compile requirements/dev.txt dev --constraint requirements/base.txt "$@"
for python in 3.11 3.12 3.13; do
    for machine in x86_64 aarch64; do
        uv pip compile requirements/dev.txt --quiet --only-binary :all: --no-binary pyspark --python-version "$python" \
            --python-platform "$machine-manylinux_2_34" >/dev/null
    done
done
echo "every package but pyspark has wheels for Python 3.11 to 3.13 on x86_64 and aarch64"
