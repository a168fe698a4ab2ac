"""Ratify's settings: trust policies of its cosign verifier, inline keys, and the policy that decides.

Source: ratify v1 ``config.ratify.deislabs.io``, at the version of the documentation page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from sigstep.engines.gatekeeper.rules import Ratify, RatifySigner
from sigstep.errors import Refusal
from sigstep.model.trust import TrustedKey
from sigstep.policy.forms import Form, name_of
from sigstep.proofs.keys import load_pem_key

GROUP: Final = "config.ratify.deislabs.io"
_SCOPE: Final = re.compile(r"[a-z0-9.\-:@/]*\*?")
_IDENTITY: Final = {
    "certificateIdentity": "subject",
    "certificateIdentityRegExp": "subject_regexp",
    "certificateOIDCIssuer": "issuer",
    "certificateOIDCIssuerRegExp": "issuer_regexp",
}


def read_ratify(forms: Sequence[Form]) -> Ratify | None:
    """What the objects of Ratify say; None where there are none."""
    if not forms:
        return None
    by_kind: dict[str, list[Form]] = {}
    for form in forms:
        by_kind.setdefault(form.text("kind").removeprefix("Namespaced"), []).append(form)
    keys = {name_of(one): _inline(one) for one in by_kind.get("KeyManagementProvider", ())}
    unjudged: tuple[str, str] | None = None
    policies = by_kind.get("Policy", [])
    if len(policies) != 1:
        unjudged = ("cluster", f"Ratify's policy: there are {len(policies)} of them in the files")
    elif _spec(policies[0]).text("type") not in ("configpolicy", "config-policy"):
        unjudged = ("language", "Ratify's policy is written in Rego")
    signers: list[RatifySigner] = []
    for one in by_kind.get("Verifier", ()):
        spec = _spec(one)
        if "cosign" in (spec.text("name"), spec.text("type")) or spec.text("name").endswith("cosign"):
            found = _signers(spec, keys)
            signers += found
            unjudged = unjudged or (None if found else _legacy(spec))
        else:
            unjudged = unjudged or ("notary", f"Ratify's verifier {spec.text('name') or name_of(one)}")
    return Ratify(signers=tuple(signers), unjudged=unjudged)


def _spec(form: Form) -> Form:
    return form.form("spec") or Form({}, "spec", form.problems)


def _inline(form: Form) -> tuple[TrustedKey, ...] | None:
    """Keys that stand in the object; None where they are in another place."""
    spec = _spec(form)
    parameters = spec.form("parameters") or Form({}, "", form.problems)
    if spec.text("type") != "inline" or parameters.text("contentType") != "key":
        return None
    try:
        return (TrustedKey(key=load_pem_key(parameters.text("value").encode()).spki),)
    except Refusal as error:
        form.say(f"spec.parameters.value: {error.what}")
        return None


def _signers(spec: Form, keys: dict[str, Any]) -> list[RatifySigner]:
    parameters = spec.form("parameters") or Form({}, "parameters", spec.problems)
    found = []
    for one in parameters.forms("trustPolicies"):
        scopes = one.texts("scopes")
        if not scopes:
            one.say(f"{one.path}: trust policy {one.text('name')[:40]} failed: scopes parameter is required")
        for scope in scopes:
            if not _SCOPE.fullmatch(scope):
                one.say(f"{one.path}: scope {scope[:80]!r} is invalid: only a trailing * is allowed")
        keyless = one.form("keyless")
        named = list(one.forms("keys"))
        if (keyless is None) == (not named):
            one.say(f"{one.path}: exactly one of keys and keyless is required")
        known = [keys.get(key.text("provider")) for key in named]
        elsewhere = next(
            (key.text("provider") or key.text("file") for key, there in zip(named, known, strict=True) if not there), ""
        )
        found.append(
            RatifySigner(
                name=one.text("name"),
                scopes=scopes,
                keys=tuple(key for there in known if there for key in there),
                elsewhere=elsewhere,
                identity=_identity(keyless) if keyless else {},
                log=one.flag("tLogVerify", default=True),
            )
        )
    _check_overlap(parameters, [scope for one in found for scope in one.scopes])
    if found and (parameters.text("key") or parameters.text("rekorURL")):
        spec.say("'key' and 'rekorURL' are part of Cosign legacy configuration and cannot be used with `trustPolicies`")
    return found


def _legacy(spec: Form) -> tuple[str, str]:
    """What is not judged of a cosign verifier without trust policies, which asks nobody's identity."""
    parameters = spec.form("parameters") or Form({}, "parameters", spec.problems)
    if key := parameters.text("key"):
        return "key-elsewhere", f"the file {key} of Ratify's cosign verifier"
    return "cluster", "Ratify's cosign verifier without trust policies asks the log for its keys"


def _identity(form: Form) -> dict[str, str]:
    form.only(*_IDENTITY, "ctLogVerify")
    found = {own: form.text(name) for name, own in _IDENTITY.items() if form.text(name)}
    for exact in ("subject", "issuer"):
        if (exact in found) == (f"{exact}_regexp" in found):
            form.say(f"{form.path}: exactly one of the exact value and the expression of {exact} is required")
    return found


def _check_overlap(form: Form, scopes: list[str]) -> None:
    """Scopes may not overlap; a lone ``*`` is what is left."""
    plain = [one for one in scopes if one != "*"]
    for at, one in enumerate(plain):
        for other in plain[at + 1 :]:
            begins = [(one, other), (other, one)]
            if one == other or any(a.endswith("*") and b.startswith(a[:-1]) for a, b in begins):
                form.say(f"{form.path}: the scopes {one[:80]} and {other[:80]} overlap")
