#!/usr/bin/env bash
# Make the Action's own environment: hash-locked wheels, nothing of the user's Python touched, reused within the job and,
# on self-hosted runners, between jobs. main.py checks it against the lock before each use.
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

place="${RUNNER_TEMP:?}"
if [ "${RUNNER_ENVIRONMENT:-}" = "self-hosted" ]; then place="${RUNNER_TOOL_CACHE:-${place}}"; fi
place="${SIGSTEP_TOOL_CACHE:-${place}}"
key="$("${python}" -I -c 'import hashlib, platform, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read() + (sys.version + platform.platform()).encode()).hexdigest()[:16])' "${lock}")"
folder="${place}/sigstep-${key}"

if [ ! -d "${folder}" ]; then
  wheels="${SIGSTEP_WHEELHOUSE:-}"
  if [ -z "${wheels}" ]; then
    wheels="$(mktemp -d "${RUNNER_TEMP:?}/sigstep-wheels-XXXXXX")"
    pip=(-m pip)
    if ! "${python}" -I -m pip --version >/dev/null 2>&1; then # the wheel that Python itself brings
      pip=("$("${python}" -I -c 'import ensurepip, pathlib; print(next(pathlib.Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl")) / "pip")')")
    fi
    "${python}" -I "${pip[@]}" download --quiet --disable-pip-version-check --no-input --no-deps --require-hashes \
      --only-binary :all: -r "${lock}" -d "${wheels}"
  fi
  "${python}" -I -S -B "${here}/scripts/action/environment.py" "${folder}" "${lock}" "${wheels}"
fi
{
  echo "python=${python}"
  echo "environment=${folder}"
} >>"${GITHUB_OUTPUT:?}"
