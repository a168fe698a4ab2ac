"""docs/how-to/outages.md and own-instance.md, executed: their commands in a shell on the sandbox."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flows.test_trust import parts

from sigstep.sandbox.faults import Fault
from sigstep.sandbox.local import Sandbox

PAGES = Path(__file__).parents[2] / "docs" / "how-to"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "app.whl").write_bytes(b"app")
    return tmp_path


def commands(page: str, title: str = "") -> list[str]:
    """The shell commands of a page, or of one of its sections."""
    text = (PAGES / page).read_text()
    if title:
        text = text.partition(f"## {title}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"(?:^|\n)```\n(.*?)\n```", text, re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]


def shell(sandbox: Sandbox, folder: Path, command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    variables = {
        **sandbox.environ(),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # noqa: TID251
        "HOME": str(folder),
        "SIGSTEP_CACHE_DIR": str(folder / "cache"),
        **environ,
    }
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, env=variables, capture_output=True, text=True, timeout=60, check=False
    )


def verified(sandbox: Sandbox, folder: Path, *options: str) -> int:
    return shell(sandbox, folder, " ".join(("sigstep verify dist/app.whl --repo acme/app", *options))).returncode


def test_outages(sandbox: Sandbox, folder: Path) -> None:
    """Keep trying; defer and complete; resume."""
    keep, defer, complete, *resume = commands("outages.md")
    sandbox.faults.set("timestamp", Fault(kind="status", times=4))
    done = shell(sandbox, folder, keep)
    assert done.returncode == 0, done.stderr
    assert "trying again in" in done.stderr
    sandbox.faults.set("rekor-v1", Fault(kind="status"))
    assert "PENDING" in shell(sandbox, folder, defer.replace("5m", "0")).stdout
    assert "sigstepPending" in (folder / "dist" / "app.whl.sigstore.json").read_text()
    assert verified(sandbox, folder) == 1
    sandbox.faults.clear()
    assert shell(sandbox, folder, complete).returncode == 0
    assert verified(sandbox, folder) == 0
    (folder / "dist" / "new.whl").write_bytes(b"new")
    first = shell(sandbox, folder, "rm dist/*.json; sigstep sign dist/*.whl && " + resume[0].replace("*", "*.whl"))
    assert first.stdout.count("(kept)") == 2, first.stdout + first.stderr
    second = shell(sandbox, folder, resume[1].replace("*", "*.whl"))
    assert (second.returncode, second.stdout.count("(kept)")) == (0, 0)
    third = shell(sandbox, folder, resume[1].replace("*", "*.whl"))
    assert third.stdout.count("(kept)") == 2


def test_an_instance_of_ones_own(sandbox: Sandbox, folder: Path) -> None:
    """The files from parts, as the page writes them; then signing and verifying with what came out."""
    parts(sandbox, folder)
    for ours, theirs in (("ca", "fulcio"), ("v1", "rekor")):
        (folder / f"{ours}.pem").rename(folder / f"{theirs}.pem")
    [create, *_] = commands("own-instance.md")
    create = re.sub(r"https://(?:fulcio|ct|rekor|tsa|gitlab)\.acme\.example", sandbox.url, create)
    create = create.replace("api-version=2,", "").replace(",operator=", ",start-time=2020-01-01T00:00:00Z,operator=")
    done = shell(sandbox, folder, create)
    assert done.returncode == 0, done.stderr
    table = re.findall(r"^\| `([a-z_.0-9]+\.json)`", (PAGES / "own-instance.md").read_text(), re.MULTILINE)
    assert {f"trust/{name}" for name in table} == set(done.stdout.split())
    signed = shell(sandbox, folder, "sigstep sign --trust-config trust/client_trust_config.json dist/app.whl")
    assert signed.returncode == 0, signed.stderr
    assert verified(sandbox, folder, "--trusted-root trust/trusted_root.json") == 0


def test_a_tuf_repository_of_ones_own(sandbox: Sandbox, folder: Path) -> None:
    """``trust init`` with the first root, then the address alone."""
    (folder / "root.json").write_bytes(sandbox.tuf_root)
    for command in commands("own-instance.md", "From a TUF repository"):
        done = shell(sandbox, folder, command.replace("https://tuf.acme.example", sandbox.tuf_url))
        assert done.returncode == 0, done.stderr
    assert verified(sandbox, folder, "--instance", sandbox.tuf_url) == 0
