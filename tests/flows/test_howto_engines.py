"""The pages of the admission engines: their policy file is exported to the file they show, and read back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from sigstep.cli.policy import group
from sigstep.engines import ENGINES
from sigstep.policy.document import load_policy

PAGES = Path(__file__).parents[2] / "docs" / "how-to"


def called(*arguments: str) -> str:
    """Output of ``sigstep policy``, which succeeds."""
    result = CliRunner().invoke(group, arguments, standalone_mode=False, catch_exceptions=False)
    assert not result.return_value
    return result.stdout


@pytest.mark.parametrize("engine", ENGINES)
def test_the_sample(engine: str, tmp_path: Path) -> None:
    """Every page's sample is what the command writes."""
    page = (PAGES / f"{engine}.md").read_text()
    policy, shown = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "sigstep.yml").write_text(policy)
    out = tmp_path / "policies"
    called("export", str(tmp_path / "sigstep.yml"), "--engine", engine, "--out", str(out), "--offline")
    named = re.findall(r"^- `([^`]+)`: ", page, re.MULTILINE)
    assert sorted(named) == sorted(one.name for one in out.iterdir())
    first = re.search(r"^with `([^`]+)`:$", page, re.MULTILINE)
    assert first is not None
    assert (out / first[1]).read_text() == shown
    files = sorted(str(one) for one in out.iterdir())
    back = load_policy(called("convert", "--from", engine, *files, "--offline").encode())
    assert [rule.images for rule in back.rules] == [("ghcr.io/acme/app",)]
