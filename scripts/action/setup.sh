#!/usr/bin/env bash
# Make the Action's own environment: hash-locked wheels, nothing of the user's Python touched, reused within the job.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
lock="${here}/requirements/action.txt"

for name in python3 python; do
  if command -v "${name}" >/dev/null && "${name}" -I -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    python="$(command -v "${name}")"
    break
  fi
done
if [ -z "${python:-}" ]; then
  echo "::error title=sigstep::No Python 3.10 or later on PATH. Add actions/setup-python before this step."
  exit 2
fi

key="$("${python}" -I -c 'import hashlib, sys; lock = open(sys.argv[1], "rb").read(); print(hashlib.sha256(lock + sys.version.encode()).hexdigest()[:16])' "${lock}")"
folder="${SIGSTEP_TOOL_CACHE:-${RUNNER_TEMP:?}}/sigstep-${key}"
if [ "${RUNNER_OS:-}" = "Windows" ]; then inner="${folder}/Scripts/python.exe"; else inner="${folder}/bin/python"; fi

if [ ! -f "${folder}/complete" ]; then
  "${python}" -I -m venv "${folder}"
  from=()
  if [ -n "${SIGSTEP_WHEELHOUSE:-}" ]; then from=(--no-index --find-links "${SIGSTEP_WHEELHOUSE}"); fi
  "${inner}" -I -m pip install --quiet --disable-pip-version-check --no-input --no-deps --require-hashes \
    --only-binary :all: "${from[@]+"${from[@]}"}" -r "${lock}"
  : >"${folder}/complete"
fi
echo "python=${inner}" >>"${GITHUB_OUTPUT:?}"
