"""Read the authorities of a ClusterImagePolicy, with every refusal of the API server and the webhook."""

from __future__ import annotations

import re
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sigstep.engines.cluster_image_policy.rules import AttestationDemand, AuthorityDemand, Identity, Key, Keyless
from sigstep.engines.cluster_image_policy.texts import Materials, read_text
from sigstep.errors import Refusal, UsageError
from sigstep.model.trust import TrustedKey
from sigstep.oci.reference import parse_reference
from sigstep.policy.forms import Form
from sigstep.policy.importing import SHORT_TYPES
from sigstep.policy.matcher import Matcher
from sigstep.proofs.keys import load_key, load_pem_key
from sigstep.trust.pem_roots import certificates_of

_WAYS: Final = ("key", "keyless", "static")
_KEYS: Final = ("data", "kms", "secretRef")
_HASHES: Final = ("sha224", "sha256", "sha384", "sha512")
_URI: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:\S+")
_ARN: Final = re.compile(r"arn:[^:/]+:[^:/]+:[^:/]*:[^:/]*:(?:key|alias)")
_ENDPOINT: Final = re.compile(r"(?:[^:/\[\]]*|\[[^\]]*\]):[^:/]*")


def read_authority(form: Form, index: int, materials: Materials, structure: list[str]) -> AuthorityDemand:
    """One authority; ``structure`` gets what the API server refuses before the webhook is asked."""
    form.only("name", *_WAYS, "source", "ctlog", "attestations", "rfc3161timestamp", "signatureFormat")
    name = form.text("name") or f"authority-{index}"
    keyless = form.form("keyless")
    if keyless is not None and not isinstance(keyless.members.get("identities"), list):
        place = keyless.place("identities")
        structure.append(f'{place}: Invalid value: "null": {place} in body must be of type array: "null"')
    given = [one for one in _WAYS if form.has(one)]
    if len(given) != 1:
        _one_of(form, given, _WAYS)
        return AuthorityDemand(name=name)
    _exclude_with_static(form)
    static = form.form("static")
    log = form.form("ctlog")
    stamps = form.form("rfc3161timestamp")
    format_ = form.text("signatureFormat")
    if format_ not in ("", "legacy", "bundle"):
        form.say(f"invalid value: {format_[:80]}: {form.place('signatureFormat')}")
    if log is not None:
        log.only("url", "trustRootRef")
    if stamps is not None:
        stamps.only("trustRootRef")
    key = form.form("key")
    return AuthorityDemand(
        name=name,
        keyless=None if keyless is None else _keyless(keyless, materials),
        key=None if key is None else _key(key, materials),
        static="" if static is None else _static(static),
        message="" if static is None else static.text("message"),
        log=None if log is None else log.text("trustRootRef"),
        timestamps="" if stamps is None else stamps.text("trustRootRef"),
        bundle=format_ == "bundle",
        source=_source(form),
        attestations=tuple(_attestation(one, materials) for one in form.forms("attestations")),
    )


def _one_of(form: Form, given: list[str], names: tuple[str, ...]) -> None:
    which = "neither" if not given else "both"
    shown = ", ".join(form.place(one.lower() if one == "secretRef" else one) for one in sorted(names))
    form.say(f"expected exactly one, got {which}: {shown}")


def _exclude_with_static(form: Form) -> None:
    if form.has("static"):
        for other in ("attestations", "source", "ctlog", "rfc3161timestamp"):
            if form.has(other):
                _one_of(form, ["static", other], ("static", other))


def _static(form: Form) -> str:
    action = form.only("action", "message").text("action")
    if not action:
        form.say(f"missing field(s): {form.place('action')}")
    elif action not in ("pass", "fail"):
        form.say(f"invalid value: {action[:80]}: {form.place('action')}")
    return action


def _key(form: Form, materials: Materials) -> Key:
    form.only(*_KEYS, "hashAlgorithm")
    algorithm = form.text("hashAlgorithm") or "sha256"
    if algorithm not in _HASHES:
        form.say(f"invalid value: {algorithm[:80]}: {form.place('hashAlgorithm')}")
    pem, elsewhere = _pem(form, materials)
    key = _public_key(pem) if pem else None
    if key is None and not elsewhere and form.has("data"):
        form.say(f"invalid value: {pem[:200]}: {form.place('data')}")
    return Key(key=key, hash_algorithm=algorithm, elsewhere=elsewhere)


def _pem(form: Form, materials: Materials) -> tuple[str, str]:
    """The text of a key or certificate, or where it is."""
    given = [one for one in _KEYS if form.has(one) and form.members[one] != ""]
    if len(given) != 1:
        _one_of(form, given, _KEYS)
    kms = form.text("kms")
    if kms.startswith("awskms://") and not _aws(kms):
        form.say(f"invalid value: {kms[:200]}: {form.place('kms')}")
    secret = form.form("secretRef")
    if form.has("data"):
        return form.text("data"), ""
    if secret is not None:
        name = secret.only("name", "namespace").text("name")
        found = materials.secrets.get(name, {})
        return (next(iter(found.values())), "") if len(found) == 1 else ("", f"the secret {name}")
    return "", kms


def _aws(kms: str) -> bool:
    parts = kms.split("/")
    return len(parts) >= 4 and (not parts[2] or bool(_ENDPOINT.fullmatch(parts[2]))) and bool(_ARN.fullmatch(parts[3]))


def _public_key(pem: str) -> TrustedKey | None:
    """A key; of a certificate its key counts, as in cosign."""
    try:
        if "BEGIN CERTIFICATE" in pem:
            public = certificates_of(pem)[0].public_key()
            return TrustedKey(key=load_key(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).spki)
        return TrustedKey(key=load_pem_key(pem.encode()).spki)
    except Refusal:
        return None


def _keyless(form: Form, materials: Materials) -> Keyless:
    form.only("url", "identities", "ca-cert", "trustRootRef", "insecureIgnoreSCT")
    authority = form.form("ca-cert")
    pem, elsewhere = "", ""
    if authority is not None:
        if form.has("url"):
            _one_of(form, ["url", "ca-cert"], ("ca-cert", "url"))
        pem, elsewhere = _pem(authority.only(*_KEYS, "hashAlgorithm"), materials)
    identities = tuple(_identity(one) for one in form.forms("identities"))
    if not identities and isinstance(form.members.get("identities"), list):
        form.say(f"missing field(s): {form.place('identities')}")
    return Keyless(
        identities=identities,
        authority=pem,
        elsewhere=elsewhere,
        trust_root=form.text("trustRootRef"),
        ignore_sct=form.flag("insecureIgnoreSCT", default=False),
    )


def _identity(form: Form) -> Identity:
    form.only("issuer", "issuerRegExp", "subject", "subjectRegExp")
    for exact, pattern in (("issuer", "issuerRegExp"), ("subject", "subjectRegExp")):
        if form.text(exact) and form.text(pattern):
            _one_of(form, [exact, pattern], (exact, pattern))
        if form.text(pattern):
            try:
                Matcher(form.text(pattern), "regex")
            except UsageError:
                form.say(f"invalid value: {form.text(pattern)[:200]}: {form.place(pattern)}")
        if not form.text(exact) and not form.text(pattern):
            form.say(f"missing field(s): {form.place(exact)}, {form.place(pattern)}")
    return Identity(
        issuer=form.text("issuer"),
        issuer_regexp=form.text("issuerRegExp"),
        subject=form.text("subject"),
        subject_regexp=form.text("subjectRegExp"),
    )


def _source(form: Form) -> tuple[str, str] | None:
    found = list(form.forms("source"))
    if len(found) > 1:
        form.say(f"expected exactly one, got both: {form.place('source')}")
    for one in found[:1]:
        one.only("oci", "tagPrefix", "signaturePullSecrets")
        for secret in one.forms("signaturePullSecrets"):
            if not secret.only("name").text("name"):
                secret.say(f"missing field(s): {secret.place('name')}")
        repository = one.text("oci")
        if repository:
            try:
                parse_reference(repository)
            except UsageError:
                one.say(f"invalid value: {repository[:200]}: {one.place('oci')}")
        if repository or one.text("tagPrefix"):
            return repository, one.text("tagPrefix")
    return None


def _attestation(form: Form, materials: Materials) -> AttestationDemand:
    form.only("name", "predicateType", "policy")
    kind = form.text("predicateType")
    for name in ("name", "predicateType"):
        if not form.text(name):
            form.say(f"missing field(s): {form.place(name)}")
    if kind and kind not in SHORT_TYPES and not _URI.fullmatch(kind):
        form.say(f"invalid value: {kind[:200]}: {form.place('predicateType')}")
    text = form.form("policy")
    return AttestationDemand(
        name=form.text("name"),
        predicate_type=kind,
        text=None if text is None else read_text(text, materials, within_spec=False),
    )
