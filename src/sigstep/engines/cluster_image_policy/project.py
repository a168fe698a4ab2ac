"""ClusterImagePolicies as a policy of this project, as far as it can say the same."""

from __future__ import annotations

import json
from typing import Final

from sigstep.engines.cluster_image_policy.export import ALLOW, CONDITIONED, HEAD, OLD_EXTENSIONS, RULE
from sigstep.engines.cluster_image_policy.rules import (
    AttestationDemand,
    AuthorityDemand,
    ClusterImagePolicies,
    ImagePolicy,
)
from sigstep.policy.conditions import Condition
from sigstep.policy.document import FORMATS, ROOTS, Policy
from sigstep.policy.engine import Loss
from sigstep.policy.importing import SHORT_TYPES, AskedFor, Draft, either
from sigstep.policy.rego_text import read_conditions
from sigstep.policy.signer import COSIGN_SIGN

_EXTENSIONS: Final = {value: name for name, value in OLD_EXTENSIONS.items()}
_UNTIL: Final = 'until := time.parse_rfc3339_ns("'
_REQUIREMENTS: Final = "requirements := "


def project(rules: ClusterImagePolicies) -> tuple[Policy | None, tuple[Loss, ...]]:
    """See `sigstep.policy.engine.Engine.project`."""
    draft = Draft(no_match=rules.no_match)
    for policy in rules.policies:
        _Projection(policy, rules, draft).add()
    return draft.policy()


class _Projection:
    """One ClusterImagePolicy on its way to a rule."""

    def __init__(self, policy: ImagePolicy, rules: ClusterImagePolicies, draft: Draft) -> None:
        self._policy, self._rules, self._draft = policy, rules, draft
        self._losses, self._place = draft.losses, policy.name

    def add(self) -> None:
        """Add its rule, or its recall, to the draft."""
        policy, statics = self._policy, [one for one in self._policy.authorities if one.static]
        if policy.match:
            self._losses.warn(f"{self._place}.match", "the rule holds for every workload here, not for some")
        digests = [one.rpartition("@")[2] for one in policy.globs if one.startswith("**@sha256:")]
        if digests and len(digests) == len(policy.globs) and [one.static for one in policy.authorities] == ["fail"]:
            reason = policy.authorities[0].message or "refused by its digest"
            self._draft.recalls += [{"digest": one, "reason": reason, "date": "1970-01-01"} for one in digests]
            self._losses.warn(f"{self._place}.images", "becomes a recall; when it was recalled is not known")
            return
        images = [self._pattern(glob) for glob in policy.globs]
        if statics:
            self._static(images, statics)
        elif policy.authorities:
            self._proofs(images)
        else:
            self._losses.refuse(self._place, "a policy without authorities admits everything")

    def _pattern(self, glob: str) -> str:
        whole = {"*": "index.docker.io/library/*", "*/*": "index.docker.io/*/*"}.get(glob, glob)
        name = whole.removesuffix("@*").removesuffix("@**")
        if "@" in name or ":" in name.rpartition("/")[2] or (name == whole and not name.endswith("*")):
            self._losses.refuse(f"{self._place}.images", f"{glob} names a tag or a digest, or never matches")
        return name.removeprefix("index.") if name.startswith("index.docker.io/") else name

    def _static(self, images: list[str], statics: list[AuthorityDemand]) -> None:
        text, one = self._policy.text, statics[0]
        enforce = not self._policy.warn
        if len(self._policy.authorities) > 1:
            self._losses.refuse(self._place, "a static authority beside others lets the others decide nothing")
        elif one.static == "fail" and text is None:
            reason = one.message or "refused by the policy"
            self._draft.rule(self._policy.name, images, enforce=enforce, more={"deny": {"reason": reason}})
        elif text is None or not text.data.startswith(HEAD + _UNTIL) or not text.data.endswith(f"\n\n{ALLOW}"):
            self._losses.refuse(self._place, "an allowance has no end that could be read")
        else:
            day = text.data[len(HEAD + _UNTIL) :][: len("2030-01-01")]
            more = {"allow": {"reason": one.message or "allowed by the policy", "until": day}}
            self._draft.rule(self._policy.name, images, enforce=enforce, more=more)

    def _proofs(self, images: list[str]) -> None:
        policy = self._policy
        groups = self._groups()
        if groups is None:
            return
        asked: list[AskedFor] = []
        kept: dict[str, set[str]] = {}
        keys: set[str] = set()
        for members, count in groups:
            made = self._asked(members, count, kept, keys)
            if made is None:
                return
            asked.append(made)
        formats = {one for ones in kept.values() for one in ones}
        for name, ones in kept.items():
            if ones == formats:
                continue
            if name in keys:
                self._losses.warn(f"{self._place}.authorities", f"bundles by the key {name} count here")
            else:
                self._losses.refuse(f"{self._place}.authorities", f"{name} counts in one storage format only")
        ordered = tuple(one for one in FORMATS if one in formats)
        self._draft.rule(policy.name, images, asked, formats=ordered, enforce=not policy.warn)

    def _groups(self) -> list[tuple[dict[str, list[tuple[AuthorityDemand, dict[str, str]]]], int]] | None:
        """Authorities by requirement and signer's name, each with the extensions it has to show, and the count."""
        policy = self._policy
        if policy.text is None:
            return [({one.name: [(one, {})] for one in policy.authorities}, 1)]
        start = HEAD + _REQUIREMENTS
        if not policy.text.data.startswith(start) or not policy.text.data.endswith(f"\n\n{RULE}"):
            self._losses.refuse(f"{self._place}.policy", f"its {policy.text.language} is not read")
            return None
        known = {one.name: one for one in policy.authorities}
        try:
            data = json.loads(policy.text.data[len(start) : -len(RULE)])
            return [
                (
                    {
                        name: [(known[one["name"]], dict(one["extensions"])) for one in ones]
                        for name, ones in each["signers"].items()
                    },
                    int(each["count"]),
                )
                for each in data
            ]
        except (ValueError, KeyError, TypeError, AttributeError):
            self._losses.refuse(f"{self._place}.policy", "its requirements are not read")
            return None

    def _asked(
        self,
        members: dict[str, list[tuple[AuthorityDemand, dict[str, str]]]],
        count: int,
        kept: dict[str, set[str]],
        keys: set[str],
    ) -> AskedFor | None:
        """What a requirement asks for; notes by signer in which formats it counts, and which signers are keys."""
        kinds: set[tuple[str, tuple[Condition, ...]]] = set()
        names: list[str] = []
        for said, ones in members.items():
            for one, extensions in ones:
                kind = self._kind(one)
                if kind is None:
                    return None
                kinds.add(kind)
                name = self._signer(said, one, extensions)
                names.append(name)
                kept.setdefault(name, set()).add("bundle" if one.bundle else "legacy")
                if one.key is not None:
                    keys.add(name)
        if len(kinds) != 1:
            self._losses.refuse(f"{self._place}.authorities", "they ask for different things, of which any is enough")
            return None
        ((kind_type, where),) = kinds
        return AskedFor(type=kind_type, names=tuple(dict.fromkeys(names)), count=count, where=where)

    def _kind(self, one: AuthorityDemand) -> tuple[str, tuple[Condition, ...]] | None:
        """The predicate type (empty for a signature) and the conditions of an authority."""
        where = f"{self._place}.{one.name}"
        if one.source is not None:
            self._losses.refuse(f"{where}.source", "signatures in another repository are not looked for")
        if not one.attestations:
            return "", ()
        if len(one.attestations) > 1:
            self._losses.refuse(f"{where}.attestations", "several attestations of one authority")
            return None
        (wanted,) = one.attestations
        conditions = self._conditions(where, wanted)
        if conditions is None:
            return None
        kind = SHORT_TYPES.get(wanted.predicate_type, wanted.predicate_type)
        return ("" if kind == COSIGN_SIGN and one.bundle else kind), conditions

    def _conditions(self, where: str, wanted: AttestationDemand) -> tuple[Condition, ...] | None:
        if wanted.text is None:
            return ()
        start, end = f"{HEAD}conditions := ", f"\n\n{CONDITIONED}"
        data = wanted.text.data
        if data.startswith(start) and data.endswith(end):
            try:
                return read_conditions(json.loads(data[len(start) : -len(end)]))
            except ValueError:
                pass
        self._losses.refuse(f"{where}.attestations", f"its {wanted.text.language} is not read")
        return None

    def _signer(self, said: str, one: AuthorityDemand, extensions: dict[str, str]) -> str:
        where = f"{self._place}.{one.name}"
        if one.key is not None:
            if one.key.key is None or one.key.hash_algorithm != "sha256":
                self._losses.refuse(f"{where}.key", one.key.elsewhere or f"hashed with {one.key.hash_algorithm}")
                return said
            return self._draft.signer(said, key=one.key.key.key, log="" if one.log is None else "required")
        keyless = one.keyless
        assert keyless is not None
        if keyless.authority or keyless.elsewhere:
            self._losses.refuse(f"{where}.keyless", "an authority of its own, by its certificate")
        if keyless.ignore_sct and not self._is_github(keyless.trust_root):
            self._losses.warn(f"{where}.keyless.insecureIgnoreSCT", "a certificate has to be in a CT log here")
        if len(keyless.identities) != 1:
            self._losses.refuse(f"{where}.keyless.identities", "several identities of one authority: write one each")
        identity = keyless.identities[0]
        root = keyless.trust_root or ROOTS["public"]
        logged = not keyless.trust_root or one.log is not None or self._has_no_log(keyless.trust_root)
        return self._draft.signer(
            said,
            issuer=either(identity.issuer, identity.issuer_regexp),
            subject=either(identity.subject, identity.subject_regexp),
            extensions={_EXTENSIONS.get(name, name): value for name, value in extensions.items()},
            root=root,
            log="" if logged else "tsa",
        )

    def _is_github(self, name: str) -> bool:
        return name == ROOTS["github"]

    def _has_no_log(self, name: str) -> bool:
        root = self._rules.trust_roots.get(name)
        return root is not None and not root.logs
