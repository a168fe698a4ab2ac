#!/usr/bin/env bash
# Build wheel and sdist into the folder $1: the same bytes on every machine, by locked tools and with the commit's time.
set -euo pipefail
out="$(realpath -m "$1")"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools="$(mktemp -d)"
trap 'rm -rf "${tools}"' EXIT
SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)"
export SOURCE_DATE_EPOCH
python3 -I -m venv "${tools}"
"${tools}/bin/python" -I -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: \
  -r requirements/build.txt
"${tools}/bin/python" -I -m build --no-isolation --outdir "${out}" .
