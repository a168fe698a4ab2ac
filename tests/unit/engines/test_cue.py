"""CUE over JSON in an open world: what contradicts fails, what is missing passes, what is not evaluated is named."""

from __future__ import annotations

from typing import Any

import pytest

from sigstep.engines.cluster_image_policy.cue import contradiction
from sigstep.engines.cluster_image_policy.cue_parser import CHARACTERS, Unsupported

BEFORE = 'import "time"\nbefore: time.Parse(time.RFC3339, "2049-10-09T17:10:27.50+01:00")\n'
COUNTED = 'm: {\n k: {s: int}\n if (len(m.l) < 2) {\n  e: 2\n  e: "x"\n }\n}'
HOLDS: list[tuple[str, Any]] = [
    ("a: 1", {"a": 1}),
    ("a: 1", {}),
    ('a: b: c: "x"', {"a": {"b": {"c": "x"}}}),
    (BEFORE + "p: {\n T: <before\n}", {"p": {"T": "2022-01-01T00:00:00Z"}}),
    (BEFORE + "p: T: <before", {"p": {}}),
    ('import (\n "time"\n)\na: time.Time', {"a": "2022-01-01T00:00:00Z"}),
    ('a: string & !=""', {"a": "x"}),
    ('a: "x" | "y"', {"a": "y"}),
    ('a: *"x" | string', {"a": "z"}),
    ('a: *"x" | string\nb: a', {"b": "x"}),
    ('a: =~"^b"', {"a": "bc"}),
    ('a: !~"^b"', {"a": "cb"}),
    ("a: [...string]", {"a": ["x"]}),
    ("a: [1,...]", {"a": [1, 5]}),
    ("a?: int", {}),
    ("a!: int", {}),
    ("a: >=1 & <=3", {"a": 2}),
    ("a: >=1 & <=3", {}),
    ("b: 1\na: b", {"a": 1}),
    ('import "list"\na: list.MaxItems(1) & list.MinItems(1)', {"a": [1]}),
    ('import "list"\na: list.MinItems(1)', {}),
    ('import "struct"\na: struct.MaxFields(2) & struct.MinFields(1)', {"a": {"x": 1, "y": 2}}),
    (COUNTED, {"m": {"l": [1, 2]}}),
    (COUNTED, {"m": {}}),
    ("a: null", {"a": None}),
    ("a: null | int", {"a": 3}),
    ("a: {b: 1} | {b: 2}", {"a": {"b": 2}}),
    ("a: bool\nif a {b: 1}", {"b": 2}),
    ('config: "linux/amd64": config: User: "65532"', {"config": {"linux/amd64": {"config": {"User": "65532"}}}}),
    ('a: """\n  x\n  y\n  """', {"a": "x\ny"}),
    ('typemeta:\n  kind: "Pod"', {"typemeta": {"kind": "Pod"}}),
    ("a: -1", {"a": -1}),
    ("a: 1 + 2 * 3", {"a": 7}),
    ('a: "x" + "y"', {"a": "xy"}),
    ("a: {\n}", {"a": {"b": 1}}),
    ("{a: 1}", {"a": 1}),
    ("package p\na: 1 // a word\n", {"a": 1}),
    ("a: (1 | 2) & (2 | 3)", {"a": 2}),
    ("a: _", {"a": [1]}),
    ("a: number", {"a": 1.5}),
    ("a: 0x10 | 1_000", {"a": 1000}),
    ("b: [1, 2]\na: b[1]", {"a": 2}),
    ('b: {"c-d": 1}\na: b["c-d"]', {"a": 1}),
    ('import "strings"\na: strings.ToLower("X")', {"a": "x"}),
    ('import "strings"\na: strings.MinRunes(2) & strings.MaxRunes(3)', {"a": "xy"}),
    ('import "strings"\nok: strings.HasPrefix("abc", "a") && !strings.HasSuffix("abc", "a")', {"ok": True}),
    ('import "regexp"\nok: regexp.Match("^a", "abc") || false', {"ok": True}),
    ("a: 1 == 1.0", {"a": True}),
    ("a: null == 1", {"a": False}),
    ('a: "\\u0041\\n\\t\\"\\\\"', {"a": 'A\n\t"\\'}),
    ("x?: int\na: x", {"a": "anything"}),
]
CONTRADICTS: list[tuple[str, Any]] = [
    ("a: 1", {"a": 2}),
    ("a: 1", {"a": 1.0}),
    ("a: 1", {"a": True}),
    ('a: b: c: "x"', {"a": {"b": {"c": "y"}}}),
    ('a: b: c: "x"', {"a": {"b": 1}}),
    (BEFORE + "p: T: <before", {"p": {"T": "2049-10-09T16:10:28Z"}}),
    ('import "time"\na: time.Time', {"a": "today"}),
    ('import "time"\nb: time.Parse(time.RFC3339, "today")', {}),
    ('import "time"\nb: time.Parse(time.RFC3339, "2022-99-01T00:00:00Z")', {}),
    ('a: string & !=""', {"a": ""}),
    ('a: "x" | "y"', {"a": "z"}),
    ('a: =~"^b"', {"a": "cb"}),
    ('a: =~"("', {"a": "cb"}),
    ("a: [...string]", {"a": ["x", 1]}),
    ("a: [1,2]", {"a": [1]}),
    ("a?: int", {"a": "x"}),
    ("x: y", {}),
    ("x: net.IP", {}),
    ('import "time"\nx: time', {}),
    ("a: >=1 & <=3", {"a": 4}),
    ("a: >5 & <3", {}),
    ("a: >3 & <3", {}),
    ("a: int & string", {}),
    ("a: <5", {"a": "x"}),
    ("b: 1\na: b", {"a": 2}),
    ("b: 1\na: b", {"b": 2}),
    ("a: {b: 1, c: b}", {"a": {"c": 2}}),
    ('import "list"\na: list.MaxItems(1)', {"a": [1, 2]}),
    ('import "struct"\na: struct.MaxFields(1)', {"a": {"x": 1, "y": 2}}),
    ('import "list"\na: list.MaxItems("x")', {}),
    ("a: len(5)", {}),
    (COUNTED, {"m": {"l": [1]}}),
    ("a: null", {"a": 1}),
    ("a: {b: 1} | {b: 2}", {"a": {"b": 3}}),
    ("a: true\nif a {b: 1}", {"b": 2}),
    ("if 1 {b: 1}", {}),
    ("a: 1\na: 2", {}),
    ("a:1,b:2", {"a": 1, "b": 3}),
    ("a: (1 | 2) & (2 | 3)", {"a": 1}),
    ("b: [1]\na: b[3]", {}),
    ("b: 1\na: b.c", {}),
    ('a: "x" + 1', {}),
    ('a: -"x"', {}),
    ("a: 1 && true", {}),
    ("a: true && 1", {}),
    ('a: 1 == "x"', {}),
    ("a: null < 1", {}),
    ('a: 1 =~ "x"', {}),
    ("a: [", {}),
    ("a: 1 2", {}),
    ("a: 01", {}),
    ("a: )", {}),
    ("a: \x00", {}),
    ('a: """\n  x\n y\n  """', {}),
    ("import 5", {}),
]
NOT_EVALUATED = [
    *("#D: {a: 1}", "[string]: int", 'a: "\\(b)"', "for x in y {a: 1}", "let x = 1", "a: 'bytes'", 'a: #"raw"#'),
    *('import "net"\na: net.IP', 'import "time"\na: time.Parse("2006", "2007")', "a: x\nx: a", "a: 5 / 2"),
    *("a: close({})", "b: {c: 1}\na: b", "a: [for x in y {x}]", "a: b[1:2]\nb: [1]", "a: {1, 2}", "q: {1, b: 2}"),
    *('a: "\\q"', "a: *1", "a: [1] == [1]", "b: (1)(2)", "a: 1 @x()"),
    *("m: {if m.a == 1 {b: 1}, if m.b == 1 {a: 1}, a: *1 | int}", "a: " + "(" * 900 + "1" + ")" * 900),
    *("#" * (CHARACTERS + 1), "a: " + " & ".join(f"(1|{n})" for n in range(2, 12))),
]


@pytest.mark.parametrize(("policy", "document"), HOLDS)
def test_holds(policy: str, document: Any) -> None:
    """Nothing contradicts."""
    assert contradiction(policy, document) == ""


@pytest.mark.parametrize(("policy", "document"), CONTRADICTS)
def test_contradicts(policy: str, document: Any) -> None:
    """Something contradicts, or CUE refuses the text."""
    assert contradiction(policy, document)


@pytest.mark.parametrize("policy", NOT_EVALUATED)
def test_not_evaluated(policy: str) -> None:
    """Named, never guessed."""
    with pytest.raises(Unsupported):
        contradiction(policy, {"a": 1, "m": {"a": 1}})


def test_bounded() -> None:
    """A policy that multiplies its work ends."""
    eight = "(" + "|".join(str(number) for number in range(8)) + ")"
    with pytest.raises(Unsupported):
        contradiction("\n".join(f"a{n}: {eight} & {eight}" for n in range(1000)), {})
