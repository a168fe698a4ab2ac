"""Texts in CUE and Rego of a policy or an attestation: written out, in a ConfigMap of the files, or elsewhere."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sigstep.engines.cluster_image_policy.rules import Text
from sigstep.policy.forms import Form

_SOURCES: Final = ("configMapRef", "data", "remote")
_MORE: Final = ("fetchConfigFile", "includeSpec", "includeObjectMeta", "includeTypeMeta")
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Materials:
    """Secrets and ConfigMaps of the files, by name."""

    secrets: Mapping[str, Mapping[str, str]]
    config_maps: Mapping[str, Mapping[str, str]]


def read_text(form: Form, materials: Materials, *, within_spec: bool) -> Text:
    """A policy text; what asks for more input is only allowed at the level of the policy."""
    form.only("type", *_SOURCES, *_MORE)
    language = form.text("type")
    if language not in ("cue", "rego"):
        form.say(f"invalid value: {language[:80]}: {form.place('type')}")
    given = [one for one in _SOURCES if form.has(one)]
    if len(given) != 1:
        which = "neither" if not given else "both"
        places = ", ".join(form.place(one) for one in _SOURCES)
        form.say(f"expected exactly one, got {which}: {places}")
    if not within_spec:
        for one in _MORE:
            if form.has(one):
                form.say(f"must not set the field(s): {form.place(one)}")
    data, elsewhere = _data(form, materials)
    return Text(
        language=language,
        data=data,
        elsewhere=elsewhere,
        fetch_config=form.flag("fetchConfigFile", default=False),
        include_spec=form.flag("includeSpec", default=False),
        include_metadata=form.flag("includeObjectMeta", default=False),
        include_types=form.flag("includeTypeMeta", default=False),
    )


def _data(form: Form, materials: Materials) -> tuple[str, str]:
    if form.has("data"):
        return form.text("data"), ""
    reference = form.form("configMapRef")
    if reference is not None:
        name, key = reference.only("name", "namespace", "key").text("name"), reference.text("key")
        if not name:
            reference.say(f"missing field(s): {reference.place('name')}")
        if not key:
            reference.say(f"missing field(s): {reference.place('key')}")
        found = materials.config_maps.get(name, {}).get(key, "")
        return found, "" if found else f"the ConfigMap {name}, {key}"
    remote = form.form("remote")
    if remote is None:
        return "", ""
    url, digest = remote.only("url", "sha256sum").text("url"), remote.text("sha256sum")
    if not url.startswith("https://"):
        remote.say(f"invalid value: {url[:200]}: {remote.place('url')}")
    if not digest:
        remote.say(f"missing field(s): {remote.place('sha256sum')}")
    elif not _SHA256.fullmatch(digest):
        remote.say(f"invalid value: {digest[:80]}: {remote.place('sha256sum')}")
    for texts in materials.config_maps.values():  # a copy of the text in the files has that digest
        for text in texts.values():
            if hashlib.sha256(text.encode()).hexdigest() == digest.lower():
                return text, ""
    return "", f"{url[:200]}"
