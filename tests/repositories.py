"""Small Git repositories for tests."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path


def commits(folder: Path, *states: Mapping[str, str]) -> None:
    """A repository with one commit a state, tagged ``s0``, ``s1`` and so on; a state is file names to contents."""
    _git(folder, "init", "-q")
    for number, state in enumerate(states):
        _git(folder, "rm", "-rq", "--ignore-unmatch", ".")
        for name, text in state.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        _git(folder, "add", "-A")
        _git(folder, "commit", "-q", "--allow-empty", "-m", str(number))
        _git(folder, "tag", f"s{number}")


def _git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)
