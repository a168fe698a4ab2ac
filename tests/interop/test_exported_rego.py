"""conftest, which is a real OPA, says the same of the Rego that our exports carry."""

from __future__ import annotations

import pytest
from tests.interop.test_conftest import outside
from tests.interop.tools import tool
from tests.unit.engines.exported import CIP_RULES, export, objects, policy
from tests.unit.engines.test_exported_rego import CASES, reviewed
from tests.unit.policy.test_rego_text import differing

from sigstep.services.rego import Rego


@pytest.fixture(scope="module")
def rego() -> Rego:
    """Rego by conftest alone."""
    return Rego.of(outside(tool("conftest")))


@pytest.mark.parametrize("name", CASES)
def test_the_template(rego: Rego, name: str) -> None:
    """Gatekeeper's template, case by case."""
    modules, given, refused = reviewed(name)
    assert bool(rego.evaluate(modules, "data.sigstepimages.violation", given)) == refused


@pytest.mark.parametrize("name", CIP_RULES)
def test_policy_over_authorities(rego: Rego, name: str) -> None:
    """ClusterImagePolicy's policy over its authorities."""
    rule, matches, compliant = CIP_RULES[name]
    text = objects(export("cluster_image_policy", policy(rule)))[0]["spec"]["policy"]["data"]
    assert rego.evaluate([text], "data.sigstore.isCompliant", {"authorityMatches": matches}) is compliant


def test_conditions(rego: Rego) -> None:
    """Every operator over values of every kind."""
    assert differing(rego) == []
