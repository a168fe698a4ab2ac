"""Every command of docs/how-to/dependencies.md, its policy file, and the table of rules."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.flows.test_dependency_command import lock
from tests.market import Made, Market
from tests.repositories import commits
from tests.sandboxes import sandbox

from sigstep.cli.main import sigstep
from sigstep.policy.dependency_rules import LEVELS
from sigstep.policy.document import load_policy
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "how-to" / "dependencies.md").read_text()
COMMANDS = [line[2:] for line in PAGE.splitlines() if line.startswith("$ sigstep ")]


@pytest.fixture(scope="module")
def market(sandbox: Sandbox) -> Iterator[Market]:
    """A registry of packages without provenance."""
    with Market(sandbox) as running:
        running.npm("a", Made("1.0.0"), Made("2.0.0"))
        yield running


def test_commands(market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit status 0, in their order, in one repository whose branch ``main`` is the base."""
    commits(tmp_path, lock(market, "1.0.0", "a"), lock(market, "2.0.0", "a"))
    subprocess.run(["git", "-C", str(tmp_path), "branch", "-f", "main", "s0"], check=False, capture_output=True)
    subprocess.run(["git", "-C", str(tmp_path), "checkout", "-q", "-B", "work", "s1"], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "branch", "-f", "main", "s0"], check=True, capture_output=True)
    monkeypatch.chdir(tmp_path)
    environ: dict[str, str | None] = {
        **market.sandbox.environ(token=False),
        "NPM_TOKEN": "t",
        "GITHUB_API_URL": f"{market.url}/github",
        "GITHUB_REPOSITORY": "acme/app",
    }
    assert len(COMMANDS) > 5
    for command in COMMANDS:
        result = CliRunner(env=environ).invoke(sigstep, shlex.split(command)[1:], standalone_mode=False)
        assert (result.exception, result.return_value) == (None, 0), (command, result.output)


def test_the_policy_file() -> None:
    """The example is read as it stands."""
    (example,) = re.findall(r"```yaml\n(schema:.*?)```", PAGE, re.DOTALL)
    assert load_policy(example.encode()).dependencies.publishers


def test_every_rule_is_in_the_table() -> None:
    """The table has every rule with its levels, in the order of the rules, and no other."""
    table = (DOCS / "reference" / "dependency-rules.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \| (\w+) \| (\w+) \|", table, re.MULTILINE)
    assert sorted(rows) == sorted((name, one.value, two.value) for name, (one, two) in LEVELS.items())
