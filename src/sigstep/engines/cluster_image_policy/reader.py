"""Read ClusterImagePolicy, TrustRoot and the controller's ConfigMap as the API server and the webhook would.

Source: policy-controller ``pkg/apis/policy``, its CRD and its ConfigMaps, at the version of the documentation page.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Final

from sigstep.engines.cluster_image_policy.authorities import read_authority
from sigstep.engines.cluster_image_policy.rules import ClusterImagePolicies, ImagePolicy, Match
from sigstep.engines.cluster_image_policy.texts import Materials, read_text
from sigstep.errors import FormatError, Refusal, UsageError
from sigstep.model.trust import TrustedRoot
from sigstep.policy.forms import Form, name_of, objects, refuse, secret_texts, texts_of
from sigstep.policy.image_patterns import Dialect, matches, parse_image
from sigstep.trust.pem_roots import root_of_pems

GROUP: Final = "policy.sigstore.dev"
VERSIONS: Final = ("v1alpha1", "v1beta1")
KINDS: Final = ("replicasets", "deployments", "pods", "cronjobs", "jobs", "statefulsets", "daemonsets")
_SETTINGS: Final = "config-policy-controller"
_FIX: Final = "correct the policy; `kubectl apply` would refuse it too"
_BRACKET: Final = re.compile(r"(?:[^\[\\]|\\.|\[\^?(?:[^\]\\]|\\.)+\])*", re.DOTALL)


def read(documents: Sequence[bytes]) -> ClusterImagePolicies:
    """All policies of some files. Secrets and ConfigMaps in them are used where policies refer to them.

    Raises:
        FormatError: ``engine-policy``, or of the YAML.
    """
    problems: list[str] = []
    by_kind: dict[str, list[Form]] = {}
    for one in objects(documents, problems):
        by_kind.setdefault(_kind(one), []).append(one)
    refuse(problems, "this is no file of Policy Controller", _FIX)
    materials = Materials(
        secrets={name_of(one): secret_texts(one) for one in by_kind.get("Secret", ())},
        config_maps={name_of(one): texts_of(one, "data") for one in by_kind.get("ConfigMap", ())},
    )
    settings = materials.config_maps.get(_SETTINGS, {})
    empty_fails = settings.get("fail-on-empty-authorities", "true") != "false"
    policies = tuple(_policy(one, materials, empty_fails) for one in by_kind.get("ClusterImagePolicy", ()))
    if not policies:
        problems.append("there is no ClusterImagePolicy")
    refuse(problems, "this is no file of Policy Controller", _FIX)
    no_match = settings.get("no-match-policy", "deny")
    return ClusterImagePolicies(
        policies=policies,
        trust_roots={name_of(one): _trust_root(one) for one in by_kind.get("TrustRoot", ())},
        no_match=no_match if no_match in ("warn", "allow") else "deny",
    )


def _kind(form: Form) -> str:
    group, _, version = form.text("apiVersion").rpartition("/")
    kind = form.text("kind")
    if group == GROUP and kind in ("ClusterImagePolicy", "TrustRoot"):
        if version not in VERSIONS or (kind == "TrustRoot" and version != "v1alpha1"):
            form.say(f'no matches for kind "{kind}" in version "{form.text("apiVersion")[:80]}"')
        return kind
    if kind in ("Secret", "ConfigMap", "Namespace") and form.text("apiVersion") == "v1":
        return kind
    form.say(f"{form.text('apiVersion')[:80]} {kind[:80]} is no kind of this engine")
    return ""


def _policy(form: Form, materials: Materials, empty_fails: bool) -> ImagePolicy:
    problems: list[str] = []
    name = name_of(form)
    spec = Form(form.members, "", problems).only("apiVersion", "kind", "metadata", "spec", "status").form("spec")
    spec = spec or Form({}, "spec", problems)
    spec.only("images", "match", "authorities", "policy", "mode")
    structure: list[str] = []
    globs = tuple(_glob(one) for one in spec.forms("images"))
    if not globs:
        spec.say("missing field(s): spec.images")
    authorities = tuple(
        read_authority(one, index, materials, structure) for index, one in enumerate(spec.forms("authorities"))
    )
    if not authorities and empty_fails:
        spec.say("missing field(s): spec.authorities")
    mode = spec.text("mode")
    if mode not in ("", "enforce", "warn"):
        spec.say(f"invalid value: {mode[:80]}: spec.mode")
    whole = spec.form("policy")
    read_policy = ImagePolicy(
        name=name,
        globs=globs,
        match=tuple(_match(one) for one in spec.forms("match")),
        authorities=authorities,
        text=None if whole is None else read_text(whole, materials, within_spec=True),
        warn=mode == "warn",
    )
    if structure or problems:
        told = [*structure, *([f"validation failed: {problems[0]}", *problems[1:]] if problems else ())]
        refuse(told, f"Policy Controller does not take the ClusterImagePolicy {name!r}", _FIX)
    return read_policy


def _glob(form: Form) -> str:
    glob = form.only("glob").text("glob")
    if not glob:
        form.say(f"missing field(s): {form.place('glob')}")
        return ""
    try:
        if not _BRACKET.fullmatch(glob):
            raise UsageError(code="image-pattern", what="syntax error in pattern")
        matches(Dialect.CLUSTER_IMAGE_POLICY, glob, parse_image("a"))
    except UsageError:
        form.say(f"invalid value: {glob[:200]}: {form.place('glob')}")
    return glob


def _match(form: Form) -> Match:
    form.only("group", "version", "resource", "selector")
    resource = form.text("resource")
    if resource and resource not in KINDS:
        form.say(f"invalid value: {resource[:80]}: {form.place('resource')}")
    selector = form.form("selector")
    labels = selector.form("matchLabels") if selector else None
    if selector is not None:
        if not any(form.has(one) for one in ("group", "version", "resource")):
            form.say(f"invalid value: {resource}: {form.place('selector')}")
        if selector.has("matchExpressions"):
            form.say(f"{selector.place('matchExpressions')}: label expressions are not read by sigstep")
    return Match(
        group=form.text("group"),
        version=form.text("version"),
        resource=resource,
        labels={} if labels is None else {name: labels.text(name) for name in labels.members},
    )


def _trust_root(form: Form) -> TrustedRoot | None:
    """The keys of a TrustRoot; None where it is a TUF repository or its mirror (which are not unpacked here)."""
    problems: list[str] = []
    name = name_of(form)
    spec = Form(form.members, "", problems).form("spec") or Form({}, "spec", problems)
    given = [one for one in ("repository", "remote", "sigstoreKeys") if spec.has(one)]
    if len(given) != 1:
        which = "neither" if not given else "both"
        spec.say(f"expected exactly one, got {which}: spec.remote, spec.repository, spec.sigstoreKeys")
    refuse(problems, f"Policy Controller does not take the TrustRoot {name!r}", _FIX)
    keys = spec.form("sigstoreKeys")
    if keys is None:
        return None
    keys.only("certificateAuthorities", "tLogs", "ctLogs", "timestampAuthorities")
    chains = {
        kind: [_bytes(one, "certChain") for one in keys.forms(kind)]
        for kind in ("certificateAuthorities", "timestampAuthorities")
    }
    logs = {
        kind: [(one.text("baseURL"), _bytes(one, "publicKey")) for one in keys.forms(kind)]
        for kind in ("tLogs", "ctLogs")
    }
    refuse(problems, f"Policy Controller does not take the TrustRoot {name!r}", _FIX)
    try:
        return root_of_pems(
            name,
            authorities=chains["certificateAuthorities"],
            logs=logs["tLogs"],
            ct_logs=[pem for _, pem in logs["ctLogs"]],
            timestamp_authorities=chains["timestampAuthorities"],
        )
    except Refusal as error:
        raise FormatError(
            code="engine-policy", what=f"the TrustRoot {name!r} is unusable", why=f"{error.what}: {error.why}", fix=_FIX
        ) from error


def _bytes(form: Form, name: str) -> str:
    """Bytes of a Kubernetes object are base64; the PEM in them."""
    try:
        return base64.b64decode("".join(form.text(name).split()), validate=True).decode()
    except ValueError:
        form.say(f"{form.place(name)}: Invalid value: must be base64")
        return ""
