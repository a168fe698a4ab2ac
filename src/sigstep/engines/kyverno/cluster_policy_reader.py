"""Read ``verifyImages`` of a ClusterPolicy or Policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sigstep.engines.kyverno.attestor_reader import Secrets, public_keys, read_set
from sigstep.engines.kyverno.rules import (
    AttestationDemand,
    Attestor,
    AttestorSet,
    ClusterPolicy,
    ImageRule,
    Verify,
)
from sigstep.policy.forms import Form, check_selector, refuse, texts_of

_AUTOGEN: Final = "pod-policies.kyverno.io/autogen-controllers"
_FIX: Final = "correct the policy; `kubectl apply` would refuse it too"
_ACTIONS: Final = ("Audit", "Enforce", "audit", "enforce")
_VERIFY: Final = (
    *("type", "image", "imageReferences", "skipImageReferences", "key", "roots", "subject", "issuer", "annotations"),
    *("additionalExtensions", "attestors", "attestations", "repository", "cosignOCI11", "mutateDigest", "verifyDigest"),
    *("validate", "required", "imageRegistryCredentials", "useCache", "failureAction"),
)
_RULE: Final = (
    *(
        "name",
        "context",
        "reportProperties",
        "match",
        "exclude",
        "imageExtractors",
        "preconditions",
        "celPreconditions",
    ),
    *("mutate", "validate", "generate", "verifyImages", "skipBackgroundRequests"),
)


def read_cluster_policy(document: Mapping[str, Any], kind: str, secrets: Secrets) -> ClusterPolicy:
    """One policy; rules without ``verifyImages`` are passed over.

    Raises:
        FormatError: ``engine-policy``.
    """
    problems: list[str] = []
    form = Form(document, "", problems)
    metadata = form.form("metadata") or Form({}, "metadata", problems)
    spec = form.form("spec") or Form({}, "spec", problems)
    action = _action(spec, "validationFailureAction", "Audit")
    named = [one for one in spec.forms("rules") if one.has("verifyImages")]
    autogen = texts_of(metadata, "annotations").get(_AUTOGEN)
    policy = ClusterPolicy(
        name=metadata.text("name"),
        namespace=(metadata.text("namespace") or "default") if kind == "Policy" else "",
        rules=tuple(_rule(one, action, secrets) for one in named),
        autogen=None if autogen is None else tuple(one.strip() for one in autogen.split(",") if one.strip() != "none"),
    )
    refuse(problems, f"Kyverno does not take the {kind} {policy.name!r}", _FIX)
    return policy


def _action(form: Form, name: str, default: str) -> str:
    action = form.text(name)
    if action and action not in _ACTIONS:
        form.say(f'{form.place(name)}: Unsupported value: "{action[:80]}"')
    return action.capitalize() or default


def _rule(form: Form, action: str, secrets: Secrets) -> ImageRule:
    form.only(*_RULE)
    match = form.form("match")
    if match is None:
        form.say(f"{form.place('match')}: Required value")
    if any(one in kinds_of(form.members.get("match")) for one in ("*", "*/*", "*/*/*")):
        form.say(f"{form.place('match')}: wildcard kinds are not allowed in rules with verifyImages")
    preconditions = form.members.get("preconditions")
    if preconditions is not None and not isinstance(preconditions, dict | list):
        form.say(f"{form.place('preconditions')}: Invalid value: must be of type object")
    return ImageRule(
        name=form.text("name"),
        match=_filters(match) if match else {},
        exclude=_filters(form.form("exclude") or Form({}, "", [])),
        context=tuple(one.members for one in form.forms("context")),
        preconditions=preconditions,
        verify=tuple(_verify(one, action, secrets) for one in form.forms("verifyImages")),
    )


def _filters(form: Form) -> Mapping[str, Any]:
    """A match or exclude block, its members of the right kinds."""
    for one in (form, *form.forms("any"), *form.forms("all")):
        resources = one.form("resources")
        for name in ("subjects", "roles", "clusterRoles"):
            one.items(name)
        if resources is None:
            continue
        for name in ("kinds", "names", "namespaces", "operations"):
            resources.texts(name)
        resources.text("name")
        texts_of(resources, "annotations")
        for name in ("selector", "namespaceSelector"):
            check_selector(resources, name)
    return form.members


def kinds_of(match: Any) -> set[str]:
    """Every kind that a match or exclude block names, as written."""
    found: set[str] = set()
    if isinstance(match, dict):
        for name, value in match.items():
            if name == "kinds" and isinstance(value, list):
                found |= {str(one) for one in value}
            found |= kinds_of(value)
    elif isinstance(match, list):
        for one in match:
            found |= kinds_of(one)
    return found


def _verify(form: Form, policy_action: str, secrets: Secrets) -> Verify:
    form.only(*_VERIFY)
    kind = form.text("type") or "Cosign"
    if kind not in ("Cosign", "SigstoreBundle", "Notary"):
        form.say(f'{form.place("type")}: Unsupported value: "{kind[:80]}"')
    enforce = _action(form, "failureAction", policy_action) == "Enforce"
    mutate = form.flag("mutateDigest", default=True)
    if not enforce and mutate:
        form.say(f"{form.place('mutateDigest')}: Invalid value: must be set to false for 'Audit' failure action")
    references = form.texts("imageReferences") + ((form.text("image"),) if form.text("image") else ())
    if not references:
        form.say(f"{form.path}: Invalid value: An image reference is required")
    old = _old_attestor(form)
    attestations = tuple(_attestation(one, old, secrets) for one in form.forms("attestations"))
    attestors = tuple(read_set(one, secrets) for one in form.forms("attestors"))
    validate = form.form("validate")
    deny = validate.form("deny") if validate else None
    return Verify(
        kind=kind,
        references=references,
        skipped=form.texts("skipImageReferences"),
        attestors=attestors if old is None or attestations else (*attestors, old),
        attestations=attestations,
        deny={} if deny is None else _block(deny, "conditions"),
        message=validate.text("message") if validate else "",
        mutate_digest=mutate,
        verify_digest=form.flag("verifyDigest", default=True),
        required=form.flag("required", default=True),
        enforce=enforce,
        repository=form.text("repository"),
    )


def _old_attestor(form: Form) -> AttestorSet | None:
    """The members of before ``attestors``: one key, or one signer."""
    key = form.text("key")
    annotations = texts_of(form, "annotations")
    if key:
        keys = () if "{{" in key or "://" in key.partition("\n")[0] else public_keys(form, "key", key)
        elsewhere = "" if keys or "{{" in key else key[:200]
        one = Attestor(keys=keys, key_text=key if "{{" in key else "", elsewhere=elsewhere, annotations=annotations)
    elif form.text("issuer") or form.text("subject") or form.text("roots"):
        who = {name: form.text(name) for name in ("issuer", "subject") if form.text(name)}
        one = Attestor(
            keyless=True,
            identities=(who,),
            roots=form.text("roots"),
            extensions=texts_of(form, "additionalExtensions"),
            annotations=annotations,
        )
    else:
        return None
    return AttestorSet(count=None, entries=(one,))


def _attestation(form: Form, old: AttestorSet | None, secrets: Secrets) -> AttestationDemand:
    form.only("type", "predicateType", "name", "attestors", "conditions")
    kind = form.text("type") or form.text("predicateType")
    if not kind:
        form.say(f"{form.path}: Invalid value: a type is required")
    if form.text("type") and form.text("predicateType"):
        form.say(f"{form.path}: Invalid value: predicateType is deprecated; set type only")
    sets = tuple(read_set(one, secrets) for one in form.forms("attestors"))
    return AttestationDemand(
        type=kind,
        name=form.text("name"),
        attestors=(*sets, old) if old is not None else sets,
        conditions=tuple(_conditions(one) for one in form.forms("conditions")),
    )


def _block(form: Form, name: str) -> Mapping[str, Any]:
    value = form.members.get(name)
    if isinstance(value, list):  # the form of before any and all
        return _conditions(Form({"all": value}, form.place(name), form.problems))
    below = form.form(name)
    return {} if below is None else _conditions(below)


def _conditions(form: Form) -> Mapping[str, Any]:
    form.only("any", "all")
    for name in ("any", "all"):
        for one in form.forms(name):
            one.only("key", "operator", "value", "message")
            one.text("operator")
    return form.members
