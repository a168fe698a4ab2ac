"""Evaluate the texts of policies: CUE in an open world, Rego as ``data.sigstore.isCompliant``."""

from __future__ import annotations

from typing import Any, Final

from sigstep.engines.cluster_image_policy.cue import contradiction
from sigstep.engines.cluster_image_policy.cue_parser import Unsupported
from sigstep.engines.cluster_image_policy.rules import Text
from sigstep.errors import Undecided
from sigstep.policy.engine import Languages, Unjudged

_QUERY: Final = "data.sigstore.isCompliant"


def complaint(text: Text, document: Any, languages: Languages) -> str:
    """Why the document does not satisfy the text; empty where it does.

    Raises:
        Unjudged: the text is elsewhere, or cannot be evaluated here.
    """
    if text.elsewhere:
        raise Unjudged("text-elsewhere", text.elsewhere)
    if text.language == "cue":
        try:
            return contradiction(text.data, document)
        except Unsupported as error:
            raise Unjudged("language", f"CUE: {error}") from error
    try:
        value = languages.rego([text.data], _QUERY, document)
    except Undecided as error:
        raise Unjudged(
            "rego" if error.code == "rego-unavailable" else "language", f"{error.what}: {error.why}"
        ) from error
    return _of_rego(value)


def _of_rego(value: Any) -> str:
    """A bool, or objects of which the first with a true result passes; one that also warns is a failure."""
    refused = "the policy is not compliant"
    if isinstance(value, bool):
        return "" if value else refused
    for one in value if isinstance(value, list) else ():
        if not isinstance(one, dict):
            return refused
        if one.get("result") is True:
            return f"warning: {str(one['warning'])[:200]}" if one.get("warning") else ""
        refused = f"the policy is not compliant: {str(one.get('error', ''))[:200]}"
    return refused
