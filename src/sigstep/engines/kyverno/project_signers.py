"""Attestors and image patterns of Kyverno as signers and patterns of the policy file."""

from __future__ import annotations

from sigstep.engines.kyverno.rules import Attestor
from sigstep.policy.document import ROOTS
from sigstep.policy.importing import Draft, either
from sigstep.policy.matcher import Matcher


def add_signer(name: str, one: Attestor, place: str, draft: Draft, *, wildcards: bool = False) -> str:
    """The signer's name in the draft.

    Args:
        wildcards: ``*`` and ``?`` in exact issuers and subjects stand for any text, as in ``type: Cosign``.
    """
    losses = draft.losses
    for what, said in (
        ("a key elsewhere", one.elsewhere or one.key_text),
        ("Notary", one.notary),
        ("keys of an instance of its own", one.roots or one.rekor_key or one.ct_key or one.tsa_chain),
        ("a trust root elsewhere", one.trust_elsewhere),
        ("annotations", one.annotations),
        ("another repository", one.repository),
        ("extensions", one.extensions),
    ):
        if said:
            losses.refuse(place, what)
    if one.keys:
        if len(one.keys) > 1:
            losses.refuse(place, "several keys of one attestor: write one each")
        return draft.signer(name, key=one.keys[0].key, log="" if one.ignore_log else "required")
    if len(one.identities) != 1:
        losses.refuse(place, "not exactly one identity: anybody, or several of one attestor")
        return name
    identity = one.identities[0]
    root = ROOTS["public"]
    if one.trusted_root is not None:
        root = "instance"
    elif one.ignore_log or one.ignore_sct:
        losses.warn(place, "log and CT log are asked for here")
    return draft.signer(
        name,
        issuer=_matcher(identity, "issuer", place, draft, wildcards=wildcards),
        subject=_matcher(identity, "subject", place, draft, wildcards=wildcards),
        root=root,
    )


def _matcher(identity: object, member: str, place: str, draft: Draft, *, wildcards: bool) -> Matcher | None:
    assert hasattr(identity, "get")
    exact, expression = identity.get(member, ""), identity.get(f"{member}RegExp", "")
    if wildcards and not expression and any(one in exact for one in "*?"):
        if "?" in exact:
            draft.losses.refuse(place, f"{exact[:200]}: ? stands for one character")
        return Matcher(exact.replace("*", "**"), "glob") if exact.replace("*", "") else None
    return either(exact, expression)


def pattern_of_glob(glob: str, place: str, draft: Draft) -> str:
    """The repositories of a glob in which ``*`` stands for any text."""
    name = glob
    for end in (":*", "@*", "@sha256:*"):
        name = name.removesuffix(end)
    closed = name != glob
    if any(one in name for one in "?[]{}") or "@" in name or ":" in name.rpartition("/")[2]:
        draft.losses.refuse(place, f"{glob[:200]} selects by tag, or by characters that are not read")
        return "**"
    if not closed and not name.endswith("*"):
        draft.losses.refuse(place, f"{glob[:200]} never matches an image with a digest")
    return name.replace("*", "**") if "**" not in name else name
