"""Read an ImageValidatingPolicy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sigstep.engines.kyverno.attestor_reader import IDENTITY, identity, public_keys
from sigstep.engines.kyverno.rules import Attestor, ImageValidatingPolicy
from sigstep.errors import Refusal, UsageError
from sigstep.model.trust import TrustedKey, TrustedRoot
from sigstep.policy.forms import Form, check_selector, refuse, texts_of
from sigstep.policy.image_patterns import Dialect, matches, parse_image
from sigstep.wire.trusted_root import parse_trusted_root

_SPEC: Final = (
    *("matchConstraints", "failurePolicy", "auditAnnotations", "validationActions", "matchConditions", "variables"),
    *("validationConfigurations", "matchImageReferences", "credentials", "images", "attestors", "attestations"),
    *("validations", "webhookConfiguration", "evaluation", "autogen"),
)
_COSIGN: Final = (*("key", "keyless", "certificate", "source", "ctlog", "tuf", "annotations", "trustedRoot"),)
_ACTIONS: Final = ("Deny", "Audit", "Warn")
_CONTROLLERS: Final = ("deployments", "statefulsets", "daemonsets", "replicasets", "jobs", "cronjobs")
_FIX: Final = "correct the policy; `kubectl apply` would refuse it too"


def read_image_policy(document: Mapping[str, Any], kind: str) -> ImageValidatingPolicy:
    """One policy.

    Raises:
        FormatError: ``engine-policy``.
    """
    problems: list[str] = []
    form = Form(document, "", problems)
    form.only("apiVersion", "kind", "metadata", "spec", "status")
    metadata = form.form("metadata") or Form({}, "metadata", problems)
    if not form.has("spec"):
        form.say("spec: Required value")
    spec = (form.form("spec") or Form({}, "spec", problems)).only(*_SPEC)
    checks = spec.form("validationConfigurations") or Form({}, "", problems)
    checks.only("mutateDigest", "verifyDigest", "required")
    actions = spec.texts("validationActions") or ("Deny",)
    for one in actions:
        if one not in _ACTIONS:
            spec.say(f'spec.validationActions: Unsupported value: "{one[:80]}"')
    failure = spec.text("failurePolicy") or "Fail"
    if failure not in ("Fail", "Ignore"):
        spec.say(f'spec.failurePolicy: Unsupported value: "{failure[:80]}"')
    if not spec.items("attestors") and form.has("spec") and not isinstance(spec.members.get("attestors"), list):
        spec.say("spec.attestors: Required value")
    policy = ImageValidatingPolicy(
        name=metadata.text("name"),
        namespace=(metadata.text("namespace") or "default") if kind.startswith("Namespaced") else "",
        actions=actions,
        ignore=failure == "Ignore",
        admission=_admission(spec),
        constraints=_constraints(spec.form("matchConstraints") or Form({}, "", problems)),
        conditions=tuple(text for _, text in _expressions(spec, "matchConditions", "name")),
        references=tuple(_reference(one) for one in spec.forms("matchImageReferences")),
        mutate_digest=checks.flag("mutateDigest", default=True),
        verify_digest=checks.flag("verifyDigest", default=True),
        required=checks.flag("required", default=True),
        attestors=tuple(_attestor(one) for one in spec.forms("attestors")),
        attestations=tuple(_attestation(one) for one in spec.forms("attestations")),
        variables=_expressions(spec, "variables", "name"),
        validations=_expressions(spec, "validations", "message"),
        extractors=_expressions(spec, "images", "name"),
        controllers=_controllers(spec),
    )
    if form.has("spec") and not policy.validations:
        spec.say("spec.validations: Required value")
    refuse(problems, f"Kyverno does not take the {kind} {policy.name!r}", _FIX)
    return policy


def _constraints(form: Form) -> Mapping[str, Any]:
    """Which objects the policy is about, its members of the right kinds."""
    for name in ("resourceRules", "excludeResourceRules"):
        for one in form.forms(name):
            for member in ("apiGroups", "apiVersions", "operations", "resources", "resourceNames"):
                one.texts(member)
    form.form("namespaceSelector")
    check_selector(form, "objectSelector")
    return form.members


def _admission(spec: Form) -> bool:
    evaluation = spec.form("evaluation")
    if evaluation is None:
        return True
    mode = evaluation.text("mode") or "Kubernetes"
    if mode not in ("Kubernetes", "JSON", "HTTP", "Envoy"):
        evaluation.say(f'spec.evaluation.mode: Unsupported value: "{mode[:80]}"')
    admission = evaluation.form("admission")
    return mode == "Kubernetes" and (admission is None or admission.flag("enabled", default=True))


def _controllers(spec: Form) -> tuple[str, ...]:
    autogen = spec.form("autogen")
    pods = autogen.form("podControllers") if autogen else None
    if pods is None or not pods.has("controllers"):
        return _CONTROLLERS
    return pods.texts("controllers")


def _expressions(spec: Form, name: str, label: str) -> tuple[tuple[str, str], ...]:
    found = []
    for one in spec.forms(name):
        if not one.text("expression"):
            one.say(f"{one.place('expression')}: Required value")
        found.append((one.text(label), one.text("expression")))
    return tuple(found)


def _reference(form: Form) -> tuple[str, str]:
    form.only("glob", "expression")
    glob, expression = form.text("glob"), form.text("expression")
    if bool(glob) == bool(expression):
        form.say(f"{form.path}: Invalid value: exactly one of glob and expression is required")
    try:
        if glob:
            matches(Dialect.KYVERNO_CEL, glob, parse_image("a"))
    except UsageError:
        form.say(f"{form.place('glob')}: Invalid value: it is no glob")
    return glob, expression


def _attestation(form: Form) -> tuple[str, str, str]:
    """Its name, the type of an in-toto statement, and the artifact type of a referrer."""
    form.only("name", "intoto", "referrer")
    intoto, referrer = form.form("intoto"), form.form("referrer")
    if (intoto is None) == (referrer is None):
        form.say(f"{form.path}: Invalid value: exactly one of intoto and referrer is required")
    return (
        form.text("name"),
        intoto.text("type") if intoto else "",
        referrer.text("type") if referrer else "",
    )


def _attestor(form: Form) -> Attestor:
    form.only("name", "cosign", "notary")
    name = form.text("name")
    if not name:
        form.say(f"{form.place('name')}: Required value")
    cosign = form.form("cosign")
    if (cosign is None) == (not form.has("notary")):
        form.say(f"{form.path}: Invalid value: exactly one of cosign and notary is required")
    if cosign is None:
        return Attestor(name=name, notary=True)
    cosign.only(*_COSIGN)
    key, keyless, certificate = cosign.form("key"), cosign.form("keyless"), cosign.form("certificate")
    if sum(one is not None for one in (key, keyless, certificate)) != 1:
        cosign.say(f"{cosign.path}: Invalid value: exactly one of key, keyless and certificate is required")
    keys: tuple[TrustedKey, ...] = ()
    elsewhere = ""
    if key is not None:
        key.only("data", "kms", "hashAlgorithm", "expression", "secretRef")
        keys = public_keys(key, "data", key.text("data")) if key.has("data") else ()
        elsewhere = "" if key.has("data") else key.text("kms") or key.text("expression") or "a secret"
    if certificate is not None:
        one = certificate.only("cert", "certChain").form("cert")
        keys = public_keys(one, "value", one.text("value")) if one is not None and one.has("value") else ()
        elsewhere = "" if keys else "a certificate that an expression gives"
    return Attestor(
        name=name,
        keys=keys,
        algorithm=key.text("hashAlgorithm") or "sha256" if key is not None else "sha256",
        elsewhere=elsewhere,
        **_keyless(keyless),
        **_logs(cosign),
        annotations=texts_of(cosign, "annotations"),
        repository=_source(cosign),
    )


def _keyless(form: Form | None) -> dict[str, Any]:
    if form is None:
        return {}
    form.only("identities", "roots", "additionalExtensions")
    identities = []
    for one in form.forms("identities"):
        one.only(*IDENTITY, "subjectExpression")
        identities.append(identity(one))
    if not identities:
        form.say(f"{form.place('identities')}: Required value")
    return {"keyless": True, "identities": tuple(identities), "roots": form.text("roots")}


def _logs(cosign: Form) -> dict[str, Any]:
    log = cosign.form("ctlog")
    found: dict[str, Any] = {"trust_elsewhere": "a TUF repository" if cosign.has("tuf") else ""}
    if log is not None:
        log.only("url", "rekorPubKey", "ctLogPubKey", "tsaCertChain", "insecureIgnoreTlog", "insecureIgnoreSCT")
        found |= {
            "rekor_key": log.text("rekorPubKey"),
            "ct_key": log.text("ctLogPubKey"),
            "tsa_chain": log.text("tsaCertChain"),
            "ignore_log": log.flag("insecureIgnoreTlog", default=False),
            "ignore_sct": log.flag("insecureIgnoreSCT", default=False),
        }
        if not log.text("url") and not found["ignore_log"]:
            log.say(f"{log.place('url')}: Required value")
    root = cosign.form("trustedRoot")
    if root is not None:
        found["trusted_root"] = _trusted_root(root)
        found["trust_elsewhere"] = "" if root.has("value") else root.text("expression") or "an expression"
    return found


def _trusted_root(form: Form) -> TrustedRoot | None:
    form.only("value", "expression")
    if not form.has("value"):
        return None
    try:
        return parse_trusted_root(form.text("value").encode(), name="trustedRoot")
    except Refusal as error:
        form.say(f"{form.place('value')}: Invalid value: {error.what}: {error.why}")
        return None


def _source(cosign: Form) -> str:
    source = cosign.form("source")
    if source is None:
        return ""
    source.only("repository", "tagPrefix", "PullSecrets", "pullSecrets")
    return source.text("repository") or source.text("tagPrefix")
