"""Saved images in folders and archives: what is read, and a code for each way to be none."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pytest

from sigstep.errors import SigstepError
from sigstep.model import limits
from sigstep.model.digest import Digest
from sigstep.oci.layout import REF_NAME, open_layout
from sigstep.oci.manifest import INDEX, MANIFEST, Descriptor, encode, index_document, parse_manifest
from sigstep.oci.saved import SavedImage, parse_saved
from sigstep.oci.source import platforms, walk

LAYER = b"a layer"


def blob(data: bytes) -> str:
    """Its path."""
    return f"blobs/sha256/{Digest.of(data).hex}"


def saved(name: str = "v1") -> dict[str, bytes]:
    """The files of a layout with one image and something attached to it."""
    layer = Descriptor(media_type="application/vnd.oci.image.layer.v1.tar", digest=Digest.of(LAYER), size=len(LAYER))
    image = encode({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [layer.document()]})
    subject = parse_manifest(image).descriptor.document()
    attached = encode({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [], "subject": subject})
    noise = b'{"subject": 5}'
    listed = [{**subject, "annotations": {REF_NAME: name, "io.containerd.image.name": f"registry.example/app:{name}"}}]
    return {
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "index.json": index_document(listed),
        "manifest.json": b"[]",
        **{blob(one): one for one in (LAYER, image, attached, noise)},
    }


def archive(path: Path, files: Mapping[str, bytes], *, prefix: str = "", mode: str = "w", twice: str = "") -> Path:
    """A tar archive of files."""
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        folder = tarfile.TarInfo(f"{prefix}blobs")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, data in [*files.items(), *([(twice, files[twice])] if twice else [])]:
            member = tarfile.TarInfo(prefix + name)
            member.size = len(data)
            tar.addfile(member, BytesIO(data))
    return path


def folder(path: Path, files: Mapping[str, bytes]) -> Path:
    """A folder of files."""
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


@pytest.mark.parametrize("form", ["folder", "archive", "archive with ./"])
def test_reads_an_image_and_what_is_attached(tmp_path: Path, form: str) -> None:
    """image-spec, image-layout.md; as Docker 25 saves it."""
    files = saved()
    place = (
        folder(tmp_path / "f", files)
        if form == "folder"
        else archive(tmp_path / "image.tar", files, prefix="./" if "with" in form else "")
    )
    layout = open_layout(SavedImage(path=place))
    image = layout.manifest()
    assert layout.name == str(place)
    assert layout.blob(image.layers[0], at_most=100) == LAYER
    assert b"".join(layout.stream(image.layers[0])) == LAYER
    assert [layout.manifest(one.digest).subject for one in layout.referrers(image.digest)] == [image.descriptor]
    assert layout.legacy(image.digest, "sig") is None
    assert layout.referrers(Digest.of(b"other")) == ()


def test_one_of_several_images(tmp_path: Path) -> None:
    """The tag or the whole name chooses; without one it is not said which is meant."""
    files = saved("v1")
    other = encode({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [], "annotations": {"x": "y"}})
    listed = json.loads(files["index.json"])["manifests"]
    listed.append({**parse_manifest(other).descriptor.document(), "annotations": {REF_NAME: "v2"}})
    place = folder(tmp_path, {**files, blob(other): other, "index.json": index_document(listed)})
    assert open_layout(SavedImage(path=place, ref_name="v2")).manifest().digest == Digest.of(other)
    assert open_layout(SavedImage(path=place, ref_name="registry.example/app:v1")).manifest().layers
    for name in ("", "v3"):
        with pytest.raises(SigstepError) as caught:
            open_layout(SavedImage(path=place, ref_name=name)).manifest()
        assert caught.value.code == "layout-image"
        assert repr(name) in caught.value.why or not name


def test_a_named_pipe_in_a_folder(tmp_path: Path) -> None:
    """It is told instead of waited for."""
    place = folder(tmp_path, saved())
    (place / "index.json").unlink()
    os.mkfifo(place / "index.json")
    with pytest.raises(SigstepError) as caught:
        open_layout(SavedImage(path=place)).manifest()
    assert caught.value.code == "layout-unreadable"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("oci:folder", SavedImage(path=Path("folder"))),
        ("oci:folder:v1", SavedImage(path=Path("folder"), ref_name="v1")),
        ("oci-archive:a.tar", SavedImage(path=Path("a.tar"))),
        ("docker-archive:a.tar:ghcr.io/a/b:1", SavedImage(path=Path("a.tar"), ref_name="ghcr.io/a/b:1")),
        ("oci:", None),
        ("alpine:3", None),
        ("oci", None),
    ],
)
def test_transports(text: str, found: SavedImage | None) -> None:
    """containers-transports; a name may hold colons."""
    assert parse_saved(text) == found
    assert found is None or str(found) == text.partition(":")[2]


def without(*names: str) -> dict[str, bytes]:
    """A layout that lacks files."""
    return {name: data for name, data in saved().items() if name not in names}


@pytest.mark.parametrize(
    ("files", "options", "code"),
    [
        (without("oci-layout"), {}, "layout-docker-archive"),
        (without("oci-layout", "manifest.json"), {}, "layout-missing"),
        (without("index.json"), {}, "layout-unreadable"),
        (saved(), {"mode": "w:gz"}, "layout-archive"),
        (saved(), {"twice": "index.json"}, "layout-archive"),
        ({**saved(), "index.json": b"{"}, {}, "json-malformed"),
    ],
)
def test_archives_that_are_none(tmp_path: Path, files: dict[str, bytes], options: dict[str, str], code: str) -> None:
    """Nothing is unpacked; what is not as it should be is told."""
    path = archive(tmp_path / "image.tar", files, **options)
    with pytest.raises(SigstepError) as caught:
        open_layout(SavedImage(path=path)).manifest()
    assert caught.value.code == code


def test_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members are counted; a blob is read as far as it is asked for."""
    path = archive(tmp_path / "image.tar", saved())
    layout = open_layout(SavedImage(path=path))
    layer = layout.manifest().layers[0]
    with pytest.raises(SigstepError) as caught:
        layout.blob(layer, at_most=3)
    assert caught.value.code == "registry-blob-too-large"
    monkeypatch.setattr(limits, "ARCHIVE_MEMBERS", 3)
    with pytest.raises(SigstepError) as caught:
        open_layout(SavedImage(path=path))
    assert caught.value.code == "layout-archive"
    with pytest.raises(SigstepError) as caught:
        open_layout(SavedImage(path=tmp_path / "none.tar"))
    assert caught.value.code == "layout-missing"


@pytest.mark.parametrize("form", ["folder", "archive"])
def test_changed_blobs(tmp_path: Path, form: str) -> None:
    """Digest and size of every blob, read whole or in pieces."""
    files = saved()
    for data, code in ((b"A layer", "registry-digest-mismatch"), (b"a laye", "registry-size-mismatch")):
        changed = {**files, blob(LAYER): data}
        place = tmp_path / str(len(data))
        layout = open_layout(SavedImage(path=folder(place, changed) if form == "folder" else archive(place, changed)))
        layer = layout.manifest().layers[0]
        with pytest.raises(SigstepError) as caught:
            layout.blob(layer, at_most=100)
        assert caught.value.code == code
        with pytest.raises(SigstepError) as caught:
            list(layout.stream(layer))
        assert caught.value.code == code


def nested(depth: int, files: dict[str, bytes]) -> Descriptor:
    """An index that lists the same child twice, so many levels deep."""
    data = encode({"schemaVersion": 2, "mediaType": MANIFEST, "layers": []})
    files[blob(data)] = data
    inner = parse_manifest(data).descriptor
    for _ in range(depth):
        data = index_document([inner.document()] * 2)
        files[blob(data)] = data
        inner = parse_manifest(data).descriptor
    return inner


@pytest.mark.parametrize(("depth", "good"), [(1, True), (3, True), (5, False), (12, False)])
def test_indexes_of_indexes(tmp_path: Path, depth: int, good: bool) -> None:
    """Nesting is bounded, and what is listed twice is visited once: no index can make the work grow."""
    files: dict[str, bytes] = {"oci-layout": b"{}"}
    top = nested(depth, files)
    files["index.json"] = index_document([top.document()])
    layout = open_layout(SavedImage(path=folder(tmp_path, files)))
    if good:
        assert len(list(walk(layout, layout.manifest()))) == depth + 1
        assert len(platforms(layout, layout.manifest())) == depth
        return
    for visit in (walk, platforms):
        with pytest.raises(SigstepError) as caught:
            list(visit(layout, layout.manifest()))
        assert caught.value.code == "image-manifest"


def test_too_many_manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All below an index together are bounded."""
    monkeypatch.setattr(limits, "IMAGE_NODES", 2)
    files: dict[str, bytes] = {"oci-layout": b"{}"}
    children = []
    for number in range(3):
        data = encode({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [], "annotations": {"n": str(number)}})
        files[blob(data)] = data
        children.append(parse_manifest(data).descriptor.document())
    index = index_document(children)
    files |= {blob(index): index, "index.json": index_document([parse_manifest(index, INDEX).descriptor.document()])}
    layout = open_layout(SavedImage(path=folder(tmp_path, files)))
    for visit in (walk, platforms):
        with pytest.raises(SigstepError) as caught:
            list(visit(layout, layout.manifest()))
        assert caught.value.code == "image-manifest"
