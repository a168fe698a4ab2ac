"""Read Gatekeeper's templates, constraints, providers and expansion templates, with the refusals of its webhook.

Source: gatekeeper and frameworks/constraint, at the version of the documentation page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sigstep.engines.gatekeeper.ratify_reader import GROUP as RATIFY
from sigstep.engines.gatekeeper.ratify_reader import read_ratify
from sigstep.engines.gatekeeper.rules import PACKAGE, Constraint, Expansion, GatekeeperRules, Template
from sigstep.policy.forms import Form, check_selector, name_of, objects, refuse

_GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "templates.gatekeeper.sh": ("v1", "v1beta1", "v1alpha1"),
    "constraints.gatekeeper.sh": ("v1beta1", "v1alpha1"),
    "externaldata.gatekeeper.sh": ("v1beta1", "v1alpha1"),
    "expansion.gatekeeper.sh": ("v1beta1", "v1alpha1"),
    "mutations.gatekeeper.sh": ("v1", "v1beta1", "v1alpha1"),
    RATIFY: ("v1beta1", "v1alpha1"),
    "": ("v1",),
}
_CORE: Final = frozenset({"ConfigMap", "Secret", "Namespace"})
_TARGET: Final = "admission.k8s.gatekeeper.sh"
_ACTIONS: Final = ("deny", "warn", "dryrun", "scoped")
_MATCH: Final = (
    *("kinds", "namespaces", "excludedNamespaces", "labelSelector", "namespaceSelector", "scope", "name", "source"),
)
_POINTS: Final = frozenset({"*", "validation.gatekeeper.sh"})
_VIOLATION: Final = re.compile(r"^\s*violation\b", re.MULTILINE)
_FIX: Final = "correct the object; `kubectl apply` would refuse it too"
_WHAT: Final = "Gatekeeper does not take these objects"


def read(documents: Sequence[bytes]) -> GatekeeperRules:
    """All objects of some files.

    Raises:
        FormatError: ``engine-policy``, or of the YAML.
    """
    problems: list[str] = []
    forms = objects(documents, problems)
    groups = [_group(form) for form in forms]
    refuse(problems, "this is no file of Gatekeeper", _FIX)
    by_group: dict[str, list[Form]] = {}
    for form, group in zip(forms, groups, strict=True):
        by_group.setdefault(group, []).append(form)
    templates = [_template(one) for one in by_group.get("templates.gatekeeper.sh", ())]
    known = {one.kind: one for one in templates}
    constraints = tuple(_constraint(one, known) for one in by_group.get("constraints.gatekeeper.sh", ()))
    if not templates:
        problems.append("there is no ConstraintTemplate")
    rules = GatekeeperRules(
        templates=known,
        constraints=constraints,
        expansions=tuple(_expansion(one) for one in by_group.get("expansion.gatekeeper.sh", ())),
        providers=tuple(_provider(one) for one in by_group.get("externaldata.gatekeeper.sh", ())),
        ratify=read_ratify(by_group.get(RATIFY, [])),
    )
    refuse(problems, _WHAT, _FIX)
    return rules


def _group(form: Form) -> str:
    version_of = form.text("apiVersion")
    group, _, version = version_of.rpartition("/")
    kind = form.text("kind")
    if group not in _GROUPS or (not group and kind not in _CORE):
        form.say(f"{version_of[:80]} {kind[:80]} is no kind of this engine")
    elif version not in _GROUPS[group]:
        form.say(f'no matches for kind "{kind[:80]}" in version "{version_of[:80]}"')
    return group


def _template(form: Form) -> Template:
    spec = form.form("spec") or Form({}, "spec", form.problems)
    crd = spec.form("crd") or Form({}, "spec.crd", form.problems)
    names = (crd.form("spec") or Form({}, "", form.problems)).form("names") or Form({}, "", form.problems)
    kind = names.text("kind")
    if not kind:
        form.say("spec.crd.spec.names.kind: Required value")
    if name_of(form) != kind.lower():
        form.say(
            f"Template's name {name_of(form)[:80]} is not equal to the lowercase of CRD's Kind: {kind.lower()[:80]}"
        )
    targets = list(spec.forms("targets"))
    if len(targets) != 1:
        form.say(f"expected exactly 1 item in targets, got {len(targets)}")
        return Template(kind=kind, package="", module="", libraries=(), version=0)
    if targets[0].text("target") != _TARGET:
        form.say(f"target {targets[0].text('target')[:80]} not recognized")
    return _code(targets[0], kind)


def _code(target: Form, kind: str) -> Template:
    target.only("target", "rego", "libs", "code", "operations")
    engines = {one.text("engine"): one for one in target.forms("code")}
    source = engines["Rego"].form("source") if "Rego" in engines else target
    if any(one not in ("Rego", "K8sNativeValidation") for one in engines):
        target.say(f"{target.place('code')}: unknown engine")
    if "K8sNativeValidation" in engines:
        return Template(kind=kind, package="", module="", libraries=(), version=0, foreign="K8sNativeValidation")
    source = source or Form({}, "source", target.problems)
    module = source.text("rego")
    package = PACKAGE.search(module)
    if not module:
        target.say(f"{target.place('rego')}: Required value")
    elif package is None:
        target.say(f"{target.place('rego')}: invalid rego: package expected")
    elif not _VIOLATION.search(module):
        target.say(f"{target.place('rego')}: invalid rego: missing required rules: [violation]")
    version = source.text("version") or "v0"
    if version not in ("v0", "v1"):
        target.say(f"{target.place('version')}: unsupported version {version[:20]}")
    libraries = source.texts("libs")
    for one in libraries:
        found = PACKAGE.search(one)
        if found is None or not found[1].startswith("lib"):
            target.say(f"{target.place('libs')}: a library's package has to begin with lib")
    return Template(
        kind=kind,
        package=package[1] if package else "",
        module=module,
        libraries=libraries,
        version=1 if version == "v1" else 0,
    )


def _constraint(form: Form, known: Mapping[str, Template]) -> Constraint:
    kind, name = form.text("kind"), name_of(form)
    if kind not in known:
        form.say(f"the constraint {name[:80]} is of kind {kind[:80]}, for which there is no ConstraintTemplate")
    spec = form.form("spec") or Form({}, "spec", form.problems)
    spec.only("enforcementAction", "scopedEnforcementActions", "match", "parameters")
    action = spec.text("enforcementAction") or "deny"
    if action not in _ACTIONS:
        form.say(f"spec.enforcementAction: unrecognized enforcementAction {action[:40]}")
    if action == "scoped":
        action = _scoped(spec)
    return Constraint(
        name=name,
        kind=kind,
        action=action,
        match=_match(spec.form("match") or Form({}, "", form.problems)),
        parameters=spec.members.get("parameters") or {},
    )


def _match(form: Form) -> Mapping[str, Any]:
    """What a constraint is about, its members of the right kinds."""
    form.only(*_MATCH)
    for one in form.forms("kinds"):
        one.only("apiGroups", "kinds")
        one.texts("apiGroups")
        one.texts("kinds")
    for name in ("namespaces", "excludedNamespaces"):
        form.texts(name)
    for name in ("scope", "name", "source"):
        form.text(name)
    for name in ("labelSelector", "namespaceSelector"):
        check_selector(form, name)
    return form.members


def _scoped(spec: Form) -> str:
    """The strictest action for the admission webhook; without one it only reports."""
    found = set()
    for one in spec.forms("scopedEnforcementActions"):
        if any(point.text("name") in _POINTS for point in one.forms("enforcementPoints")):
            found.add(one.text("action"))
    return next((one for one in ("deny", "warn") if one in found), "dryrun")


def _provider(form: Form) -> str:
    spec = form.form("spec") or Form({}, "spec", form.problems)
    if not spec.text("url").startswith("https://") and form.text("apiVersion").endswith("v1beta1"):
        form.say("spec.url: only HTTPS scheme is supported for Providers")
    timeout = spec.number("timeout", 1)
    if timeout is not None and timeout < 1:
        form.say("spec.timeout: provider timeout should be a positive integer")
    return name_of(form)


def _expansion(form: Form) -> Expansion:
    spec = form.form("spec") or Form({}, "spec", form.problems)
    applies = []
    for one in spec.forms("applyTo"):
        lists = [one.texts(name) for name in ("groups", "versions", "kinds")]
        applies += [(group, version, kind) for group in lists[0] for version in lists[1] for kind in lists[2]]
    source = spec.text("templateSource")
    generated = spec.form("generatedGVK") or Form({}, "", form.problems)
    if not applies:
        form.say("spec.applyTo: Required value")
    if not source:
        form.say("spec.templateSource: Required value")
    if not generated.text("kind"):
        form.say("spec.generatedGVK.kind: Required value")
    action = spec.text("enforcementAction")
    return Expansion(
        applies=tuple(applies),
        source=tuple(source.split(".")),
        generated=(generated.text("group"), generated.text("version"), generated.text("kind")),
        action=action,
    )
