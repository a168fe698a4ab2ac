"""Images of workloads: no container is overlooked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.refusals import code_of

from sigstep.subjects.workloads import POD_SPECS, read_workloads

SPEC = {
    "containers": [{"image": "good"}],
    "initContainers": [{"image": "evil"}],
    "ephemeralContainers": [{"image": "debug"}],
    "volumes": [{"image": {"reference": "data"}}, {"emptyDir": {}}],
}


def workload(kind: str, spec: Any) -> dict[str, Any]:
    """An object of that kind around a pod spec."""
    value: Any = spec
    for part in reversed(POD_SPECS[kind]):
        value = {part: value}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "n"}, **value}


@pytest.mark.parametrize("kind", POD_SPECS)
def test_every_kind_and_container(kind: str) -> None:
    """All four places, with pointers that lead to the image."""
    made = workload(kind, SPEC)
    (one_workload,) = read_workloads(json.dumps(made).encode())
    assert (one_workload.kind, one_workload.name, one_workload.document) == (kind, "n", made)
    found = one_workload.images
    assert [one.image for one in found] == ["good", "evil", "debug", "data"]
    for one in found:
        value: Any = made
        for part in one.pointer.split("/")[1:]:
            value = value[int(part)] if isinstance(value, list) else value[part]
        assert value == one.image


def test_streams_and_lists() -> None:
    """Documents of other kinds are passed over, lists are opened, empty documents do not matter."""
    inner = json.dumps({"apiVersion": "v1", "kind": "List", "items": [workload("Pod", SPEC)]})
    text = f"---\n---\napiVersion: v1\nkind: Service\n---\n{inner}\n"
    (found,) = read_workloads(text.encode(), source="a.yaml")
    assert found.source == "a.yaml, document 2/items/0"
    assert found.images[1].pointer == "/spec/initContainers/0/image"


@pytest.mark.parametrize("kind", ["PodList", "DeploymentList", "Everything"])
def test_every_list_is_opened(kind: str) -> None:
    """As kubectl applies every object with items; one without a kind of its own is of the list's."""
    whole = {"apiVersion": "v1", "kind": kind, "items": [workload("Pod", SPEC)]}
    assert len(read_workloads(json.dumps(whole).encode())) == 1


def test_items_hide_no_pod() -> None:
    """An object that is a Pod to one reader and a list to another counts as both."""
    both = {**workload("Pod", SPEC), "items": [workload("Job", SPEC)]}
    assert [one.kind for one in read_workloads(json.dumps(both).encode())] == ["Job", "Pod"]


def test_items_take_the_kind_of_their_list() -> None:
    """Which is what they are without one (Kubernetes, UnstructuredList)."""
    bare = {name: value for name, value in workload("Pod", SPEC).items() if name not in ("kind", "apiVersion")}
    whole = {"apiVersion": "v1", "kind": "PodList", "items": [bare]}
    (found,) = read_workloads(json.dumps(whole).encode())
    assert (found.kind, found.api_version) == ("Pod", "v1")


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"kind": "Pod"},
        {"apiVersion": "v1", "kind": "Pod"},
        {"apiVersion": "v1", "kind": "Deployment", "spec": []},
        workload("Pod", {"containers": {}}),
        workload("Pod", {"containers": [{}]}),
        workload("Pod", {"containers": ["x"]}),
        workload("Pod", {"containers": [{"image": " x"}]}),
        workload("Pod", {"containers": [{"image": "{{ .Values.image }}"}]}),
        workload("Pod", {"containers": [{"image": "${IMAGE}"}]}),
        workload("Pod", {"volumes": [{"image": {}}]}),
    ],
)
def test_refused(value: Any) -> None:
    """What cannot be read is refused, never passed over."""
    assert code_of(lambda: read_workloads(json.dumps(value).encode())) == "manifest-malformed"


def test_alias_bomb() -> None:
    """Aliases are counted after expansion."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 8)]
    assert code_of(lambda: read_workloads("\n".join(lines).encode())) == "yaml-too-large"


@pytest.mark.parametrize(
    ("api", "kind", "spec", "images"),
    [
        ("serving.knative.dev/v1", "Service", {"template": {"spec": SPEC}}, 4),
        ("argoproj.io/v1alpha1", "Rollout", {"template": {"spec": SPEC}}, 4),
        ("serving.knative.dev/v1", "Revision", SPEC, 4),
        ("v1", "Service", {"ports": [{"port": 80}]}, 0),
        ("example.com/v1", "Thing", {"containers": ["x"]}, 0),
        ("example.com/v1", "Thing", {"template": "x"}, 0),
    ],
)
def test_other_kinds_with_a_pod_spec(api: str, kind: str, spec: Any, images: int) -> None:
    """No container is overlooked because of the kind that holds it."""
    made = {"apiVersion": api, "kind": kind, "metadata": {"name": "n"}, "spec": spec}
    found = read_workloads(json.dumps(made).encode())
    assert sum(len(one.images) for one in found) == images
