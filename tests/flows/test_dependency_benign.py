"""Five hundred generated benign changes: none is blocked, and at most one in a hundred asks for a look (issue 8)."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.attesting import Who, sri
from tests.flows.test_dependency_changes import request, uv
from tests.market import Made, Market
from tests.repositories import commits
from tests.sandboxes import sandbox

from sigstep.flows.dependencies import examine_dependencies
from sigstep.model.dependency import EvidenceState, Level
from sigstep.ports.real import real_world
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]

CHANGES = 500
WHO = Who(repository="org/lib", repository_id="77", owner_id="88")
KINDS = (
    "same", "renamed", "workflow-moved", "tag-to-branch", "environment-gained", "new-line", "shape-changed",
    "old-yanked", "none", "added", "gained", "partial-both", "fresh", "older-line",
)  # fmt: skip


def pair(kind: str, draw: random.Random) -> tuple[Made | None, Made]:
    """The replaced and the new version of one benign change."""
    old, new = Made("1.0.0", WHO), Made(f"1.{draw.randint(1, 40)}.{draw.randint(0, 9)}", WHO)
    moved = WHO.but(repository="org/renamed")
    return {
        "same": (old, new),
        "renamed": (old, replace(new, who=moved)),
        "workflow-moved": (old, replace(new, who=WHO.but(workflow=draw.choice(("publish.yml", "cd.yaml"))))),
        "tag-to-branch": (old, replace(new, who=WHO.but(ref="refs/heads/main"))),
        "environment-gained": (old, replace(new, who=WHO.but(environment="release"))),
        "new-line": (old, replace(new, version=f"{draw.randint(2, 9)}.0.0")),
        "shape-changed": (replace(old, shape=draw.choice(("intoto", "v0.3"))), new),
        "old-yanked": (replace(old, quirks=frozenset({"yanked"})), new),
        "none": (replace(old, who=None), replace(new, who=None)),
        "added": (None, new),
        "gained": (replace(old, who=None), new),
        "partial-both": tuple(replace(one, quirks=frozenset({"partial"})) for one in (old, new)),
        "fresh": (replace(old, who=None), replace(new, who=None, age=timedelta(hours=draw.randint(1, 60)))),
        "older-line": (replace(old, version="0.9.0"), replace(new, version="0.9.1")),
    }[kind]  # type: ignore[return-value]


@pytest.mark.parametrize("seed", [8])
def test_benign_changes_stay_quiet(sandbox: Sandbox, tmp_path: Path, seed: int) -> None:
    """Renames, moved workflows, new lines, yanks, partial files, and packages that never had provenance."""
    draw = random.Random(seed)
    cases = [(f"lib-{at}", *pair(draw.choice(KINDS), draw), draw.random() < 0.5) for at in range(CHANGES)]
    cases = [
        (name, old and replace(old, shape="v0.3"), new, npm) if not npm else (name, old, new, npm)
        for name, old, new, npm in cases
    ]  # PEP 740 has one shape
    with Market(sandbox) as market:
        for name, old, new, npm in cases:
            publish = market.npm if npm else market.pypi
            publish(name, *([old] if old else []), new, **({"repository": "https://github.com/org/lib"} if npm else {}))
        market.run("org/lib", WHO.run, "success")

        def state(after: bool) -> dict[str, str]:
            chosen = [(name, new if after else old, npm) for name, old, new, npm in cases]
            packages = {
                f"node_modules/{name}": {
                    "version": made.version,
                    "resolved": f"{market.url}/npm/{name}/-/{name}-{made.version}.tgz",
                    "integrity": sri(made.data(name)),
                }
                for name, made, npm in chosen
                if npm and made
            }
            text = "".join(uv(market, name, made) for name, made, npm in chosen if made and not npm)
            return {
                "package-lock.json": json.dumps({"packages": packages}, indent=1),
                "uv.lock": f"version = 1\n{text}",
            }

        commits(tmp_path, state(after=False), state(after=True))
        report = examine_dependencies(request(market, tmp_path), replace(real_world(), environ={}))
    assert len(report.results) == CHANGES
    levels = [one.findings[0].level for one in report.results if one.findings]
    assert levels.count(Level.FAIL) == 0
    assert levels.count(Level.WARN) <= CHANGES // 100
    assert {one.new.state for one in report.results} == {EvidenceState.VERIFIED, EvidenceState.ABSENT}
