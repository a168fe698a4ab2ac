"""A CycloneDX SBOM of 16 MiB attested and verified through the sandbox: time and memory, sigstore-python beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sigstep.model import limits
from sigstep.sandbox.local import Sandbox

SIGNER = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"
ISSUER = "https://token.actions.githubusercontent.com"
MIB = 1024 * 1024
# The peak of the process itself: getrusage counts the memory of the process that started it too.
PROGRAM = """
import runpy, sys
module, sys.argv = sys.argv[1], sys.argv[1:]
try:
    runpy.run_module(module, run_name="__main__", alter_sys=True)
finally:
    status = open("/proc/self/status").read()
    open("peak", "w").write(status.split("VmHWM:")[1].split()[0])
"""


def sbom(size: int) -> bytes:
    """A CycloneDX document of at most so many bytes, and nearly so many."""
    one = {"type": "library", "name": "component", "version": "1.0.0", "licenses": [{"license": {"id": "MIT"}}]}
    row = json.dumps({**one, "description": "x" * 300}) + ","
    start, end = '{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [', json.dumps(one) + "]}"
    count = (size - len(start) - len(end)) // len(row)
    return (start + row * count + end).encode()


def measured(folder: Path, environ: dict[str, str], *command: str) -> tuple[float, float]:
    """Seconds and MiB of resident memory of a command; it has to end well."""
    began = time.perf_counter()
    arguments = [sys.executable, "-c", PROGRAM, *command]
    subprocess.run(arguments, cwd=folder, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
    return time.perf_counter() - began, int((folder / "peak").read_text()) / 1024


def main() -> None:
    """One line for each step."""
    with tempfile.TemporaryDirectory() as name, Sandbox() as sandbox:
        folder = Path(name)
        (folder / "app").write_bytes(b"app")
        environ = {**os.environ, **sandbox.environ()}  # noqa: TID251
        small = measured(folder, environ, "sigstep", "attest", "app")
        print(f"attest provenance:   {small[0]:.2f} s, {small[1]:.0f} MiB (start-up and services alone)")
        for size, what in ((limits.PREDICATE_BYTES, "by value"), (32 * MIB, "by digest")):
            data = sbom(size)
            (folder / "sbom.json").write_bytes(data)
            took, memory = measured(folder, environ, "sigstep", "attest", "app", "--sbom", "sbom.json")
            written = (folder / "app.sigstore.json").stat().st_size
            told = f"bundle {written / MIB:.2f} MiB"
            print(f"attest {len(data) / MIB:.1f} MiB {what}: {took:.2f} s, {memory:.0f} MiB, {told}")
            who = ("--identity", SIGNER, "--issuer", ISSUER)
            mine, memory = measured(folder, environ, "sigstep", "verify", "app", "--offline", *who)
            print(f"verify it: {mine:.2f} s, {memory:.0f} MiB")
            if what == "by value":
                (folder / "trust.json").write_text(json.dumps(sandbox.client_trust_config()))
                peer = ("sigstore", "--trust-config", "trust.json", "verify", "identity", "--offline")
                asked = ("--cert-identity", SIGNER, "--cert-oidc-issuer", ISSUER, "--bundle", "app.sigstore.json")
                other, more = measured(folder, environ, *peer, *asked, "app")
                print(f"sigstore-python verifies it: {other:.2f} s, {more:.0f} MiB; ratio {other / mine:.2f} in time")


if __name__ == "__main__":
    main()
