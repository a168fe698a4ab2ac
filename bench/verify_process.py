"""One offline verification of one file as a whole process: `sigstep verify` against `sigstore verify identity`.

The same bundle, trusted root and artifact, in turns; the best of several runs of each. Both find their bytecode
compiled, in a folder of the run that its first round fills, whatever the environment says about writing it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.flows.signing_oracle import ARTIFACT, oracle_bundle

from sigstep.sandbox.claims import GITHUB_ISSUER
from sigstep.sandbox.local import Sandbox

ROUNDS = 15
WANTED = 0.35
LEAST = "import cryptography.x509, rfc3161_client"


def seconds(command: list[str], bytecode: Path) -> float:
    """How long a process takes that has to succeed."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # noqa: TID251
    environ["PYTHONPYCACHEPREFIX"] = str(bytecode)
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    taken = time.perf_counter() - began
    assert done.returncode == 0, done.stdout + done.stderr
    return taken


def main() -> None:
    """One line, with python, X.509 and RFC 3161 alone for comparison."""
    scripts = Path(sys.executable).parent
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as name:
        artifact, bundle = Path(name) / "artifact", Path(name) / "artifact.sigstore.json"
        artifact.write_bytes(ARTIFACT)
        bundle.write_text(json.dumps(oracle_bundle(sandbox, rekor=1, statement=False)))
        identity = f"https://github.com/{sandbox.issuer.claims['job_workflow_ref']}"
        root, config = str(sandbox.trusted_root_file), str(sandbox.trust_config_file)
        ours = [str(scripts / "sigstep"), "verify", "--offline", "--trusted-root", root, "--bundle", str(bundle)]
        ours += ["--identity", identity, "--issuer", GITHUB_ISSUER, str(artifact)]
        theirs = [str(scripts / "sigstore"), "--trust-config", config, "verify", "identity", "--offline"]
        theirs += [
            "--bundle",
            str(bundle),
            "--cert-identity",
            identity,
            "--cert-oidc-issuer",
            GITHUB_ISSUER,
            str(artifact),
        ]
        commands = [ours, theirs, [sys.executable, "-c", LEAST]]
        best = [float("inf")] * len(commands)
        for _ in range(ROUNDS):
            best = [
                min(one, seconds(command, Path(name) / "bytecode")) for one, command in zip(best, commands, strict=True)
            ]
    print(
        f"whole process: sigstep {best[0] * 1000:.0f} ms, sigstore-python {best[1] * 1000:.0f} ms, ratio "
        f"{best[0] / best[1]:.2f} (wanted {WANTED}); python with X.509 and RFC 3161 alone {best[2] * 1000:.0f} ms"
    )


if __name__ == "__main__":
    main()
