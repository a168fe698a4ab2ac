"""Start-up is lean: offline verification imports nothing it does not use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import sigstep

HEAVY = (
    *("requests", "tuf", "rich", "jwt", "werkzeug", "yaml", "re2", "jsonschema"),
    *("subprocess", "shutil", "tempfile", "tarfile", "importlib.resources"),
    *("concurrent.futures", "multiprocessing"),
    *("sigstep.oci.layout", "sigstep.oci.client", "sigstep.oci.transport", "sigstep.policy.contents"),
    *("sigstep.predicates", "sigstep.model.services", "sigstep.wire.signing_config", "sigstep.wire.detached"),
)


def test_verify_imports_neither_the_network_nor_tuf() -> None:
    """Design, rules: offline `verify` imports neither requests nor tuf nor rich."""
    root = str(Path(sigstep.__file__).parent / "trust/roots/public-good/trusted_root.json")
    arguments = ["verify", "--offline", "--trusted-root", root, "--identity", "a", "--issuer", "b"]
    program = (
        "import sys\n"
        f"sys.argv = {['sigstep', *arguments, 'sha256:' + '0' * 64]!r}\n"
        "from sigstep.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    print('status', end.code)\n"
        f"print('loaded', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    # without the coverage of this run, which imports things of its own
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}  # noqa: TID251
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environ)
    assert "status 1" in done.stdout, done.stdout + done.stderr
    assert "loaded []" in done.stdout
