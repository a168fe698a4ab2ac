"""Start-up is lean: offline verification imports nothing it does not use."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("requests", "tuf", "rich", "jwt", "werkzeug", "yaml", "re2")


def test_verify_imports_neither_the_network_nor_tuf() -> None:
    """Design, rules: offline `verify` imports neither requests nor tuf nor rich."""
    program = (
        "import sys\n"
        "sys.argv = ['sigstep', 'verify', '--offline', '--identity', 'a', '--issuer', 'b', 'sha256:' + '0' * 64]\n"
        "from sigstep.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    print('status', end.code)\n"
        f"print('loaded', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "status 1" in done.stdout, done.stdout + done.stderr
    assert "loaded []" in done.stdout
