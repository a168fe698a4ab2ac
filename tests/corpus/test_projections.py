"""The engines' own policies as policies of ours: each becomes one, or is refused by name; and goes on to other engines."""

from __future__ import annotations

import collections

import pytest
from tests.corpus.test_policies import FOLDERS, expected_refusal, files, name_of

from sigstep.engines import ENGINES
from sigstep.flows.engine_policies import engine_of, keys_in
from sigstep.policy.engine import Wanted
from sigstep.policy.sameness import same_demands
from sigstep.policy.writing import write_policy

# How many of the valid files become a policy of ours, by engine; the others are refused by name.
TAKEN = {"policy-controller": 3, "kyverno": 10}
# And how many of these another engine can be told.
TOLD = {"policy-controller": 10, "kyverno": 10, "gatekeeper": 2, "connaisseur": 10}


def test_each_becomes_a_policy_or_is_refused_by_name() -> None:
    """None crashes, and what comes of them can be written and read again."""
    from sigstep.policy.document import load_policy

    taken: collections.Counter[str] = collections.Counter()
    for path in files():
        if expected_refusal(path):
            continue
        name = FOLDERS[name_of(path).partition("/")[0]]
        engine = engine_of(name)
        made, losses = engine.project(engine.read([path.read_bytes()]))
        assert (made is None) == any(one.refused for one in losses), path
        if made is not None:
            taken[name] += 1
            assert same_demands(load_policy(write_policy(made)), made)
    assert dict(taken) == TAKEN


@pytest.mark.parametrize("target", ENGINES)
def test_what_is_exported_again_asks_for_the_same(target: str) -> None:
    """Every policy that another engine can be told comes back from there as it was."""
    told = 0
    for path in files():
        if expected_refusal(path):
            continue
        source = engine_of(FOLDERS[name_of(path).partition("/")[0]])
        made, _ = source.project(source.read([path.read_bytes()]))
        if made is None:
            continue
        engine = engine_of(target)
        export = engine.export(Wanted(policy=made, keys=keys_in(made)))
        if export.files:
            told += 1
            back, losses = engine.project(engine.read([one.data for one in export.files if not one.beside]))
            assert back is not None, losses
            assert same_demands(back, made), path
    assert told == TOLD[target]
