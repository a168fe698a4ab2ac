"""Recall lists that the dependency check reads from the commit of the policy."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.flows.test_images import run
from tests.sandboxes import sandbox
from tests.unit.refusals import code_of

from sigstep.cli.sign import command as sign
from sigstep.flows.recalls import recalls_at
from sigstep.model.trust import TrustMaterial
from sigstep.policy.document import load_policy
from sigstep.policy.recalls import Recall
from sigstep.ports.real import real_world
from sigstep.sandbox.local import Sandbox
from sigstep.wire.trusted_root import trusted_root_of

__all__ = ["sandbox"]

POLICY = """
schema: sigstep/policy/v1
signers: {s: {issuer: "https://token.actions.githubusercontent.com", subject: {glob: "https://github.com/acme/**"}}}
recalls: [{commit: abcd, reason: x, date: 2026-01-01}]
"""
LIST = "recall-list: {file: lists/recalls.yml, signed-by: [s], max-age: 7d}"


def test_the_list_of_a_commit(sandbox: Sandbox, tmp_path: Path) -> None:
    """Signed and fresh it counts; missing, unsigned, changed or old nothing is decided."""
    now = real_world().clock.now()
    trust = TrustMaterial(roots=(trusted_root_of(sandbox.trusted_root(), name="sandbox"),))
    path = tmp_path / "recalls.yml"
    path.write_text(
        f"schema: sigstep/recalls/v1\nissued: {now:%Y-%m-%dT%H:%M:%SZ}\nrecalls: [{{commit: beef, reason: x, date: 2026-01-01}}]"
    )
    assert run(sandbox, sign, str(path))[0] == 0
    name = ".github/lists/recalls.yml"
    files = {name: path.read_bytes(), f"{name}.sigstore.json": (tmp_path / "recalls.yml.sigstore.json").read_bytes()}

    def found(text: str = POLICY + LIST, days: int = 0) -> tuple[Recall, ...]:
        made = load_policy(text.encode())
        return recalls_at(made, ".github/sigstep.yml", files.get, trust, now + timedelta(days=days))

    assert [one.value for one in found()] == ["abcd", "beef"]
    assert [one.value for one in found(POLICY)] == ["abcd"]
    assert code_of(lambda: found(days=8)) == "policy-recalls-stale"
    unsigned = POLICY + LIST.replace("signed-by: [s]", "protected: CODEOWNERS")
    assert code_of(lambda: found(unsigned, days=-1)) == "recalls-future"
    files[name] += b"\n"
    assert code_of(found) == "recalls-unsigned"
    assert [one.value for one in found(unsigned)] == ["abcd", "beef"]
    del files[f"{name}.sigstore.json"]
    assert code_of(found) == "policy-unreadable"
