"""Start-up is lean: verification imports nothing it does not use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.flows.test_images import push
from tests.sandboxes import sandbox

import sigstep
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]

HEAVY = (
    *("requests", "tuf", "rich", "jwt", "werkzeug", "yaml", "re2", "jsonschema"),
    *("subprocess", "shutil", "tempfile", "tarfile", "importlib.resources"),
    *("concurrent.futures", "multiprocessing"),
    *("sigstep.oci.layout", "sigstep.oci.client", "sigstep.oci.transport", "sigstep.policy.contents"),
    *("sigstep.predicates", "sigstep.model.services", "sigstep.wire.signing_config", "sigstep.wire.detached"),
)


# what an image in a registry needs only where it is saved, old, not attached, or behind TUF
SELDOM = (
    *("tuf", "rich", "jwt", "werkzeug", "yaml", "re2", "jsonschema", "tarfile", "subprocess", "multiprocessing"),
    *("sigstep.oci.layout", "sigstep.stores.cosign_tags", "sigstep.stores.github", "sigstep.stores.release"),
    *("sigstep.flows.places", "sigstep.flows.bundles", "sigstep.wire.signed_document", "sigstep.wire.detached_sct"),
    *("sigstep.policy.contents", "sigstep.predicates"),
)


def _loaded(arguments: Sequence[str], names: Sequence[str], environ: Mapping[str, str]) -> tuple[int, list[str], str]:
    """The status of ``sigstep`` with these arguments, which of the modules it imported, and what it said."""
    program = (
        "import json, sys\n"
        f"sys.argv = {['sigstep', *arguments]!r}\n"
        "from sigstep.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n"
        f"    print(json.dumps([end.code, [name for name in {tuple(names)!r} if name in sys.modules]]))\n"
    )
    # without the coverage of this run, which imports things of its own
    own = {name: value for name, value in environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=own)
    status, found = json.loads(done.stdout.splitlines()[-1])
    return status, found, done.stdout + done.stderr


def test_verify_imports_neither_the_network_nor_tuf() -> None:
    """Design, rules: offline `verify` imports neither requests nor tuf nor rich."""
    root = str(Path(sigstep.__file__).parent / "trust/roots/public-good/trusted_root.json")
    arguments = ["verify", "--offline", "--trusted-root", root, "--identity", "a", "--issuer", "b"]
    status, found, said = _loaded([*arguments, "sha256:" + "0" * 64], HEAVY, os.environ)  # noqa: TID251
    assert (status, found) == (1, []), said


def test_an_image_in_a_registry_imports_only_what_its_attachments_need(sandbox: Sandbox) -> None:
    """The places to ask otherwise, saved and old forms are imported where a verified attachment is missing."""
    image = push(sandbox, "lean")
    environ = {**os.environ, **sandbox.environ()}  # noqa: TID251
    assert _loaded(["sign", str(image)], (), environ)[0] == 0
    trust = ["--trusted-root", str(sandbox.trusted_root_file)]
    status, found, said = _loaded(["verify", *trust, "--repo", "acme/app", str(image)], SELDOM, environ)
    assert (status, found) == (0, []), said
