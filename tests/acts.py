"""The real act as a runner: a repository in a folder, the project's actions from this tree, the network cut off."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.cut_off import cut_off

ROOT = Path(__file__).parents[1]
SECONDS = 120
GITHUB_TOKEN = "sandbox-github-token"  # the one that a sandbox's GitHub takes
PARTS = (".github", "action.yml", "sign", "verify", "sbom", "dependencies", "scripts", "src", "requirements")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A workflow that act ran: its exit status and the records of its log."""

    status: int
    records: tuple[dict[str, Any], ...]
    log: str

    def outputs(self, step: str) -> dict[str, str]:
        """The outputs of a step of the workflow."""
        return {
            one["name"]: one["arg"]
            for one in self.records
            if one.get("command") == "set-output" and one.get("stepID") == [step]
        }

    @property
    def summary(self) -> str:
        """All job summaries."""
        return "\n".join(one["content"] for one in self.records if one.get("command") == "summary")

    @property
    def errors(self) -> list[str]:
        """Messages of error annotations."""
        return [one["arg"] for one in self.records if one.get("command") == "error"]


def act(
    workflow: str,
    folder: Path,
    *,
    files: Mapping[str, bytes],
    env: Mapping[str, str],
    event: str = "push",
    name: str = "acme/sigstep@v1",
    others: Mapping[str, Path] = MappingProxyType({}),
    options: Sequence[str] = (),
    before: Mapping[str, bytes] | None = None,
) -> Ran:
    """Run a workflow in a repository with these files.

    Args:
        workflow: its text; it names this project's actions as ``name``.
        folder: where everything is made.
        files: what the repository has, by path.
        env: variables of every step.
        event: what triggers the workflow.
        name: ``owner/name@ref`` of this project.
        others: folders of third-party actions, by ``owner/name@ref``.
        options: more of act's options.
        before: what the repository had in an earlier commit, where there is one.
    """
    folder.mkdir(exist_ok=True)
    repository = folder / "repository"
    repository.mkdir()
    _git(repository, "init", "-q")
    _git(repository, "remote", "add", "origin", "https://github.com/acme/widget.git")
    if before is not None:
        _commit(repository, {".github/workflows/ci.yml": workflow.encode(), **before})
    _commit(repository, {".github/workflows/ci.yml": workflow.encode(), **files})
    product = _product(folder / "product")
    wheels = Path(sys.prefix) / "wheelhouse"
    variables = {"SIGSTEP_WHEELHOUSE": str(wheels), "SIGSTEP_TOOL_CACHE": str(folder.parent), **env}
    command = [
        str(Path(sys.prefix) / "bin" / "act"),
        event,
        "--json",
        "-P",
        "ubuntu-latest=-self-hosted",
        "-P",
        "self-hosted=-self-hosted",
        "--no-cache-server",
        "-s",
        f"GITHUB_TOKEN={GITHUB_TOKEN}",
        "--action-cache-path",
        str(folder / "act"),
        *(
            part
            for one, place in {name: product, **others}.items()
            for part in ("--local-repository", f"{one}={place}")
        ),
        *options,
        *(part for one, value in variables.items() for part in ("--env", f"{one}={value}")),
    ]
    inherited = {"PATH": os.environ["PATH"], "NO_PROXY": "*"}  # noqa: TID251 - act finds git and bash by it
    places = {"HOME": "home", "XDG_CONFIG_HOME": "xdg", "XDG_CACHE_HOME": "cache", "TMPDIR": "tmp"}
    for variable, place in places.items():
        (folder / place).mkdir(exist_ok=True)
        inherited[variable] = str(folder / place)
    with cut_off(command, variables) as alone:
        done = subprocess.run(
            alone,
            cwd=repository,
            env=inherited,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    records = tuple(json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    return Ran(status=done.returncode, records=records, log=done.stdout + done.stderr)


def _product(folder: Path) -> Path:
    """What `uses:` would download."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        elif source.exists():
            folder.mkdir(exist_ok=True)
            shutil.copy(source, folder / part)
    _git(folder, "init", "-q")
    _commit(folder, {})
    return folder


def _commit(repository: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    _git(repository, "add", "-A")
    _git(repository, "-c", "user.name=t", "-c", "user.email=t@t.example", "commit", "-qm", "next")


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)
