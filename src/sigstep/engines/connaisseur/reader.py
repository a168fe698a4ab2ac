"""Read the configuration of Connaisseur, or the Helm values that hold it, with the refusals of its start-up.

Source: connaisseur ``internal/config``, ``internal/policy``, ``internal/validator`` at the version of the documentation
page. Unknown members are refused at every level, as its decoder does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from sigstep.engines.connaisseur.rules import Configuration, PatternRule, Signer, Validator
from sigstep.errors import Refusal, UsageError
from sigstep.model.trust import TrustedKey
from sigstep.policy.forms import Form, refuse
from sigstep.policy.image_patterns import Dialect, matches, parse_image
from sigstep.policy.matcher import Matcher
from sigstep.proofs.keys import load_pem_key
from sigstep.trust.pem_roots import certificates_of
from sigstep.wire import strict_yaml

_KINDS: Final = {
    "static": ("name", "type", "approve"),
    "cosign": ("name", "type", "host", "cert", "auth", "trustRoots"),
    "notaryv1": ("name", "type", "host", "cert", "auth", "trustRoots", "isAcr"),
    "notation": ("name", "type", "cert", "auth", "trustRoots"),
}
_ELSEWHERE: Final = ("awskms://", "gcpkms://", "azurekms://", "hashivault://", "k8s://")
_PAIRS: Final = (("Issuer", "IssuerRegex"), ("Subject", "SubjectRegex"))
_FIX: Final = "correct the configuration; Connaisseur does not start with it"


def read(documents: Sequence[bytes]) -> Configuration:
    """The configuration of the one file, or of the ``application`` part of Helm values.

    Raises:
        FormatError: ``engine-policy``, or of the YAML.
    """
    found = [one for data in documents for one in strict_yaml.loads_all(data, name="configuration") if one is not None]
    problems: list[str] = []
    if len(found) != 1 or not isinstance(found[0], dict):
        problems.append(f"there are {len(found)} documents; one configuration is read")
    refuse(problems, "this is no configuration of Connaisseur", _FIX)
    whole = Form(found[0], "", problems)
    values = whole.form("application")
    form = values or whole
    features = (values.form("features") if values else None) or Form({}, "features", problems)
    form.only("validators", "policy", "alerting", *(("features",) if values else ()))
    _kubernetes(whole, form)
    validators = tuple(_validator(one) for one in form.forms("validators"))
    rules = tuple(_rule(one) for one in form.forms("policy"))
    if not validators:
        form.say("Validators must contain at least 1 item")
    if not rules:
        form.say("Rules must contain at least 1 item")
    refuse(problems, "Connaisseur does not take this configuration", _FIX)
    namespaced = features.form("namespacedValidation")
    return Configuration(
        validators=validators,
        rules=rules,
        detection_only=features.flag("detectionMode", default=False),
        pods_only=features.text("resourceValidationMode") == "podsOnly",
        namespaces=namespaced is not None and namespaced.flag("enabled", default=True),
    )


def _kubernetes(whole: Form, form: Form) -> None:
    """Helm values have members beside ``application``; a bare configuration has none."""
    if form is not whole:
        whole.only("application", "kubernetes", "redis", "alerting", "monitoring", "charts")


def _validator(form: Form) -> Validator:
    name, kind = form.members.get("name"), form.members.get("type")
    if name is None:
        form.say(f"{form.path}: validator is missing a name")
    if kind is None:
        form.say(f"{form.path}: validator is missing a type")
    if not isinstance(name, str) or not isinstance(kind, str):
        form.text("name")
        form.text("type")
        return Validator(name="", kind="")
    if not name:
        form.say("Name is a required field")
    if kind not in _KINDS:
        form.say(f'unsupported type "{kind[:80]}" for validator')
        return Validator(name=name, kind=kind)
    for member in form.members:
        if member not in _KINDS[kind]:
            form.say(f"field {member[:80]} not found in type {kind}validator")
    if kind != "cosign":
        return Validator(name=name, kind=kind, approve=form.flag("approve", default=False))
    return _cosign(form, name)


def _cosign(form: Form, name: str) -> Validator:
    host = form.form("host") or Form({}, "host", form.problems)
    host.only("rekor", "rekorPubkey", "fulcioCert", "ctLogPubkey")
    rekor = host.members.get("rekor")
    if rekor is not None and not isinstance(rekor, str):
        host.say(f"{host.place('rekor')}: cannot unmarshal into string")
    elif rekor and not _is_url(rekor):
        host.say(f"unable to create Rekor client for {rekor[:80]}: invalid url for rekor")
    auth = form.form("auth")
    if auth is not None:
        auth.only("secretName", "useKeychain", "authConfigs")
    if form.text("cert") and not _is_certificate(form.text("cert")):
        form.say(f"invalid certificate for validator {name}")
    if host.text("fulcioCert") and not _is_certificate(host.text("fulcioCert")):
        host.say(f"invalid fulcio certificate for validator {name}")
    for member, what in (("rekorPubkey", "rekor"), ("ctLogPubkey", "ct log")):
        if host.text(member) and _key(host.text(member)) is None:
            host.say(f"error adding {what} public key")
    signers = tuple(_signer(one) for one in form.forms("trustRoots"))
    if not signers:
        form.say(f"no trust roots provided for validator {name}")
    return Validator(
        name=name,
        kind="cosign",
        signers=signers,
        rekor_key=host.text("rekorPubkey"),
        fulcio_certificate=host.text("fulcioCert"),
        ct_log_key=host.text("ctLogPubkey"),
    )


def _is_url(text: str) -> bool:
    try:
        return bool(urlsplit(text).scheme) and "\\" not in text
    except ValueError:
        return False


def _is_certificate(text: str) -> bool:
    try:
        return bool(certificates_of(text))
    except Refusal:
        return False


def _key(text: str) -> TrustedKey | None:
    try:
        return TrustedKey(key=load_pem_key(text.encode()).spki)
    except Refusal:
        return None


def _signer(form: Form) -> Signer:
    form.only("name", "key", "cert", "keyless")
    name = form.text("name")
    if not name:
        form.say("Name is a required field")
    ways = {"Key": form.text("key"), "Cert": form.text("cert"), "Keyless": form.form("keyless")}
    given = [way for way, value in ways.items() if value]
    if not given:
        form.say("Key must be set if [Cert Keyless] isn't")
    for one in given[1:]:
        form.say(f"{given[0]} must not be set if {one} is")
    keyless = form.form("keyless")
    if keyless is not None and keyless.members:
        return _keyless(keyless, name)
    text = form.text("key")
    key = _key(text) if text else None
    elsewhere = text if text.startswith(_ELSEWHERE) else ""
    unusable = "" if key or elsewhere else "the trust root has no key that can be loaded"
    return Signer(name=name, key=key, elsewhere=elsewhere, unusable=unusable)


def _keyless(form: Form, name: str) -> Signer:
    form.only("issuer", "subject", "issuerRegex", "subjectRegex")
    texts = {one: form.text(one[0].lower() + one[1:]) for pair in _PAIRS for one in pair}
    for exact, pattern in _PAIRS:
        if texts[exact] and texts[pattern]:
            form.say(f"{exact} must not be set if {pattern} is")
        if not texts[exact] and not texts[pattern]:
            form.say(f"{exact} must be set if {pattern} isn't")
    unusable = ""
    for pattern in ("IssuerRegex", "SubjectRegex"):
        try:
            if texts[pattern]:
                Matcher(texts[pattern], "regex")
        except UsageError:
            unusable = f"{pattern} is no regular expression"
    return Signer(
        name=name,
        unusable=unusable,
        issuer=texts["Issuer"],
        issuer_regexp=texts["IssuerRegex"],
        subject=texts["Subject"],
        subject_regexp=texts["SubjectRegex"],
    )


def _rule(form: Form) -> PatternRule:
    pattern = form.only("pattern", "validator", "with").text("pattern")
    if not pattern:
        form.say("Pattern is a required field")
    elif not _is_glob(pattern):
        form.say(f"{form.place('pattern')}: {pattern[:80]} is no glob")
    options = form.form("with") or Form({}, form.place("with"), form.problems)
    options.only(*("trustRoot", "verifyInTransparencyLog", "verifySCT", "threshold", "required", "delegations", "mode"))
    threshold = options.number("threshold", 0) or 0
    if threshold < 0:
        options.say("Threshold must be 0 or greater")
    for name in ("required", "delegations"):
        if options.has(name) and not options.items(name):
            options.say(f"{name.capitalize()} must contain at least 1 item")
    if options.has("required") and options.has("delegations"):
        options.say("Required must not be set if Delegations is")
    mode = options.text("mode")
    if mode not in ("", "mutate", "insecureValidateOnly"):
        options.say("ValidationMode must be one of [mutate insecureValidateOnly]")
    return PatternRule(
        pattern=pattern,
        validator=form.text("validator"),
        trust_root=_text(options.members.get("trustRoot")),
        log=options.flag("verifyInTransparencyLog", default=True),
        scts=options.flag("verifySCT", default=True),
        threshold=threshold,
        required=options.texts("required"),
        mutate=mode != "insecureValidateOnly",
    )


def _is_glob(pattern: str) -> bool:
    try:
        matches(Dialect.CONNAISSEUR, pattern, parse_image("a"))
    except UsageError:
        return False
    return True


def _text(value: Any) -> str:
    return "" if value is None else str(value)
