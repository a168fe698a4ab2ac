"""Read who may sign: the attestors of both kinds of policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sigstep.engines.kyverno.rules import Attestor, AttestorSet
from sigstep.errors import Refusal, UsageError
from sigstep.model.trust import TrustedKey
from sigstep.policy.forms import Form, texts_of
from sigstep.policy.matcher import Matcher
from sigstep.proofs.keys import load_key, load_pem_key
from sigstep.trust.pem_roots import certificates_of

Secrets = Mapping[tuple[str, str], Mapping[str, str]]
_WAYS: Final = ("keys", "certificates", "keyless", "attestor")
_DEPTH: Final = 5
IDENTITY: Final = ("issuer", "issuerRegExp", "subject", "subjectRegExp")
_END: Final = "-----END PUBLIC KEY-----"


def read_set(form: Form, secrets: Secrets, depth: int = 0) -> AttestorSet:
    """A set of attestors."""
    form.only("count", "entries")
    entries = tuple(_entry(one, secrets, depth) for one in form.forms("entries"))
    count = form.number("count")
    if not entries:
        form.say(f"{form.path}: Invalid value: An entry is required")
    if count is not None and count > len(entries):
        form.say(f"{form.path}: Invalid value: Count cannot exceed length of entries")
    if count is not None and count < 1:
        form.say(f"{form.place('count')}: Invalid value: should be greater than or equal to 1")
    return AttestorSet(count=count, entries=entries)


def _entry(form: Form, secrets: Secrets, depth: int) -> Attestor:
    form.only(*_WAYS, "annotations", "repository", "signatureAlgorithm")
    given = [one for one in _WAYS if form.has(one)]
    if len(given) != 1:
        form.say(f"{form.path}: Invalid value: keys, certificates, keyless, or a nested attestor is required")
        return Attestor()
    way = form.form(given[0])
    assert way is not None
    if given[0] == "attestor":
        if depth >= _DEPTH:
            form.say(f"{form.path}: attestors are nested too deep")
            return Attestor()
        return Attestor(nested=read_set(way, secrets, depth + 1))
    rekor, ct = way.form("rekor"), way.form("ctlog")
    if rekor is not None:
        rekor.only("url", "pubkey", "ignoreTlog")
    if ct is not None:
        ct.only("ignoreSCT", "pubkey", "tsaCertChain")
    shared: dict[str, Any] = {
        "rekor_key": rekor.text("pubkey") if rekor else "",
        "ct_key": ct.text("pubkey") if ct else "",
        "tsa_chain": ct.text("tsaCertChain") if ct else "",
        "repository": form.text("repository"),
        "algorithm": way.text("signatureAlgorithm") or form.text("signatureAlgorithm") or "sha256",
    }
    shared |= {
        "ignore_log": rekor is not None and rekor.flag("ignoreTlog", default=False),
        "ignore_sct": ct is not None and ct.flag("ignoreSCT", default=False),
    }
    annotations = texts_of(form, "annotations")
    if given[0] == "keyless":
        return _keyless(way, rekor is not None, annotations, shared)
    keys, key_text, elsewhere = _certificates(way) if given[0] == "certificates" else _keys(way, secrets)
    return Attestor(keys=keys, key_text=key_text, elsewhere=elsewhere, annotations=annotations, **shared)


def _keyless(form: Form, has_rekor: bool, annotations: Mapping[str, str], shared: dict[str, Any]) -> Attestor:
    form.only(*IDENTITY, "roots", "rekor", "ctlog", "additionalExtensions")
    if not has_rekor and not form.text("roots"):
        form.say(f"{form.path}: Invalid value: Either Rekor URL or roots are required")
    return Attestor(
        keyless=True,
        identities=(identity(form),),
        roots=form.text("roots"),
        extensions=texts_of(form, "additionalExtensions"),
        annotations=annotations,
        **shared,
    )


def identity(form: Form) -> Mapping[str, str]:
    """The four members that name a signer, those that are there."""
    for name in ("issuerRegExp", "subjectRegExp"):
        try:
            if form.text(name):
                Matcher(form.text(name), "regex")
        except UsageError:
            form.say(f"{form.place(name)}: Invalid value: it is no regular expression")
    return {name: form.text(name) for name in IDENTITY if form.text(name)}


def _keys(form: Form, secrets: Secrets) -> tuple[tuple[TrustedKey, ...], str, str]:
    form.only("publicKeys", "kms", "secret", "signatureAlgorithm", "rekor", "ctlog")
    secret = form.form("secret")
    text = form.text("publicKeys")
    if not text and not form.text("kms") and secret is None:
        form.say(f"{form.path}: Invalid value: A public key, kms key or secret is required")
    if text and form.text("signatureAlgorithm") not in ("", "sha256", "sha512"):
        form.say(f"{form.path}: Invalid value: Invalid signature algorithm provided")
    if secret is not None:
        name, namespace = secret.only("name", "namespace").text("name"), secret.text("namespace")
        found = secrets.get((namespace or "default", name), {})
        text = found.get("cosign.pub", "")
        return (public_keys(form, "secret", text), "", "") if text else ((), "", f"the secret {namespace}/{name}")
    if not text:
        return (), "", form.text("kms")
    if "{{" in text:
        return (), text, ""
    if text.startswith("k8s://") or "://" in text.partition("\n")[0]:
        return (), "", text[:200]
    return public_keys(form, "publicKeys", text), "", ""


def _certificates(form: Form) -> tuple[tuple[TrustedKey, ...], str, str]:
    form.only("cert", "certChain", "rekor", "ctlog")
    certificate = form.text("cert")
    if not certificate and not form.text("certChain"):
        form.say(f"{form.path}: Invalid value: cert or certChain required")
    if not certificate:
        return (), "", "a chain without a certificate"
    if "{{" in certificate:
        return (), certificate, ""
    return public_keys(form, "cert", certificate), "", ""


def public_keys(form: Form, name: str, text: str) -> tuple[TrustedKey, ...]:
    """Every key of a text; of a certificate its key."""
    try:
        return keys_of(text)
    except Refusal as error:
        form.say(f"{form.place(name)}: Invalid value: {error.what}")
        return ()


def keys_of(text: str) -> tuple[TrustedKey, ...]:
    """Every key of a text; of a certificate its key.

    Raises:
        FormatError: ``key-malformed``, ``certificate-malformed``.
        ProofError: ``key-unsupported``.
    """
    if "BEGIN CERTIFICATE" in text:
        public = certificates_of(text)[0].public_key()
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return (TrustedKey(key=load_key(der).spki),)
    parts = [f"{one}{_END}\n" for one in text.split(_END) if one.strip()]
    return tuple(TrustedKey(key=load_pem_key(one.strip().encode()).spki) for one in parts)
