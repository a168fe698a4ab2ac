"""This project's own lockfiles, workflows and images, and those of its examples, go through the check in every run.

The registries are on loopback and say what is locked, so that the readers, the addresses and the rules meet real files.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.flows.test_dependency_changes import request
from tests.market import SIMPLE, Market
from tests.repositories import commits
from tests.sandboxes import sandbox

from sigstep.errors import ServiceError
from sigstep.flows.dependencies import examine_dependencies
from sigstep.flows.lockfiles import parse
from sigstep.model.dependency import EvidenceState, Level, Locked
from sigstep.ports.http import Response
from sigstep.ports.real import real_world
from sigstep.ports.requests_http import RequestsHttp
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]

ROOT = Path(__file__).parents[2]
PATTERNS = {
    "requirements/*.txt": "",
    "tests/flows/oracle_js/package-lock.json": "",
    "tests/interop/attest_oracle/package-lock.json": "",
    ".github/workflows/*.yml": "",
    "workflows-examples/*.yml": ".github/workflows/example-",
    "action.yml": "",
    "*/action.yml": "",
    "Dockerfile": "",
}


def own_files() -> dict[str, str]:
    """The files, at paths where readers look for them."""
    found = {}
    for pattern, moved in PATTERNS.items():
        for path in sorted(ROOT.glob(pattern)):
            name = f"{moved}{path.name}" if moved else str(path.relative_to(ROOT))
            found[name] = path.read_text()
    return found


def publish(market: Market, locked: list[Locked]) -> None:
    """Say at each registry what is locked."""
    python, npm, actions = (defaultdict[str, list[Locked]](list) for _ in range(3))
    by_ecosystem = {"pypi": python, "npm": npm, "githubactions": actions}
    for one in locked:
        if one.ecosystem in by_ecosystem:
            name = "/".join(one.name.split("/")[:2]) if one.ecosystem == "githubactions" else one.name
            by_ecosystem[one.ecosystem][name].append(one)
    for name, versions in python.items():
        files = [
            {"filename": f"{name}-{at}-{number}.whl", "hashes": {"sha256": file.digests[0].hex}, "provenance": None}
            for at, one in enumerate(versions)
            for number, file in enumerate(one.files)
        ]
        market.serve(f"/simple/{name}/", {"files": files}, SIMPLE)
    for name, versions in npm.items():
        document = {}
        for one in versions:
            dist = {"integrity": "", "signatures": [{"keyid": market.npm_hint, "sig": ""}]}
            document[one.version] = {"dist": dist}
        market.serve(f"/npm/{name}", {"versions": document})
    for slug, uses in actions.items():
        tags = {one.ref: one.commit for one in uses if one.ref and one.commit}
        market.repository(slug, branches={"main": [one.commit for one in uses if one.commit]}, tags=tags)


class Loopback(RequestsHttp):
    """The network of this machine alone: image registries are not stood in for here."""

    def request(self, method: str, url: str, **more: Any) -> Response:
        """See `Http.request`."""
        if not url.startswith("http://localhost:"):
            raise ServiceError(code="network-failed", what="only loopback is asked")
        return super().request(method, url, **more)


def test_our_own_lockfiles(sandbox: Sandbox, tmp_path: Path) -> None:
    """Everything is read, pinned and asked about; nothing is blocked or to be looked at."""
    files = own_files()
    assert {"requirements/action.txt", "tests/flows/oracle_js/package-lock.json", "action.yml"} <= files.keys()
    locked = [one for path, text in files.items() for one in parse(text.encode(), path)]
    with Market(sandbox) as market:
        publish(market, locked)
        for path in files:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        commits(tmp_path, files)
        asked = replace(request(market, tmp_path, base="", head="s0"), registry_keys=())
        local = {name: address for name, address in asked.registries.items() if name in {"npm", "pypi", "github"}}
        report = examine_dependencies(
            replace(asked, registries=local), replace(real_world(), environ={}, http=Loopback())
        )
    shown = [
        (one.change.new.label, one.new.state.value, [each.rule for each in one.findings]) for one in report.results
    ]
    assert report.exit_code == 0, shown
    assert not [one for one in report.results if one.findings and one.findings[0].level is not Level.NOTE], shown
    by_state = {one.new.state for one in report.results if one.change.new.ecosystem in {"pypi", "githubactions"}}
    assert by_state <= {EvidenceState.ABSENT}, shown
    loose = [
        one.change.new.label
        for one in report.results
        if one.change.new.ecosystem != "oci" and not one.change.new.pinned
    ]
    assert loose == []
    assert len(report.results) > 50
