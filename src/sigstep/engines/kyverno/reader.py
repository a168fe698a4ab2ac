"""Read Kyverno's policies about images, with the refusals of its API server schemas and its webhook.

Source: kyverno ``api/kyverno/v1``, ``pkg/validation/policy``, ``policies.kyverno.io``, at the version of the
documentation page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sigstep.engines.kyverno.cluster_policy_reader import read_cluster_policy
from sigstep.engines.kyverno.image_policy_reader import read_image_policy
from sigstep.engines.kyverno.rules import KyvernoPolicies, PolicyException
from sigstep.policy.forms import Form, objects, refuse, secret_texts

_KINDS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "ClusterPolicy": ("kyverno.io", ("v1", "v2beta1")),
    "Policy": ("kyverno.io", ("v1", "v2beta1")),
    "ImageValidatingPolicy": ("policies.kyverno.io", ("v1alpha1", "v1beta1", "v1")),
    "NamespacedImageValidatingPolicy": ("policies.kyverno.io", ("v1alpha1", "v1beta1", "v1")),
    "PolicyException": ("policies.kyverno.io", ("v1alpha1", "v1beta1", "v1")),
    "ConfigMap": ("", ("v1",)),
    "Secret": ("", ("v1",)),
    "Namespace": ("", ("v1",)),
}
_FIX: Final = "correct the policy; `kubectl apply` would refuse it too"


def read(documents: Sequence[bytes]) -> KyvernoPolicies:
    """All policies of some files. ConfigMaps and Secrets in them are used where policies refer to them.

    Raises:
        FormatError: ``engine-policy``, or of the YAML.
    """
    problems: list[str] = []
    forms = objects(documents, problems)
    kinds = [_kind(form) for form in forms]
    refuse(problems, "this is no file of Kyverno", _FIX)
    secrets = {_key(one): secret_texts(one) for one, kind in zip(forms, kinds, strict=True) if kind == "Secret"}
    read_policies = KyvernoPolicies(
        cluster_policies=tuple(
            read_cluster_policy(form.members, kind, secrets)
            for form, kind in zip(forms, kinds, strict=True)
            if kind in ("ClusterPolicy", "Policy") and _has_images(form)
        ),
        image_policies=tuple(
            read_image_policy(form.members, kind)
            for form, kind in zip(forms, kinds, strict=True)
            if kind in ("ImageValidatingPolicy", "NamespacedImageValidatingPolicy")
        ),
        exceptions=tuple(
            _exception(form) for form, kind in zip(forms, kinds, strict=True) if kind == "PolicyException"
        ),
        config_maps={_key(one): one.members for one, kind in zip(forms, kinds, strict=True) if kind == "ConfigMap"},
    )
    if not any((read_policies.cluster_policies, read_policies.image_policies, read_policies.exceptions)):
        problems.append("there is no policy about images")
    refuse(problems, "this is no file of Kyverno", _FIX)
    return read_policies


def _kind(form: Form) -> str:
    group, _, version = form.text("apiVersion").rpartition("/")
    kind = form.text("kind")
    if kind not in _KINDS or _KINDS[kind][0] != group:
        form.say(f"{form.text('apiVersion')[:80]} {kind[:80]} is no kind of this engine")
    elif version not in _KINDS[kind][1]:
        form.say(f'no matches for kind "{kind}" in version "{form.text("apiVersion")[:80]}"')
    return kind


def _key(form: Form) -> tuple[str, str]:
    metadata = form.form("metadata") or form
    return metadata.text("namespace") or "default", metadata.text("name")


def _has_images(form: Form) -> bool:
    spec = form.members.get("spec")
    rules: Any = spec.get("rules") if isinstance(spec, dict) else None
    return not isinstance(rules, list) or any(not isinstance(one, dict) or "verifyImages" in one for one in rules)


def _exception(form: Form) -> PolicyException:
    spec = form.form("spec") or Form({}, "spec", form.problems)
    references = tuple(one.text("name") for one in spec.forms("policyRefs"))
    if not references:
        spec.say("spec.policyRefs: Required value")
    return PolicyException(
        policies=references, conditions=tuple(one.text("expression") for one in spec.forms("matchConditions"))
    )
