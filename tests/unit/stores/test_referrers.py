"""Attachments that are not what the registry says, and folders that are no images."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from sigstep.errors import SigstepError
from sigstep.model.digest import Digest
from sigstep.oci.layout import open_layout
from sigstep.oci.manifest import MANIFEST, Descriptor, Manifest, parse_manifest
from sigstep.oci.saved import SavedImage
from sigstep.stores.referrers import read_referrer

IMAGE = Digest.of(b"image")


@dataclass(frozen=True)
class Source:
    """A repository that answers one manifest."""

    answer: Manifest
    name: str = "registry.example/app"

    def manifest(self, digest: Digest | None = None) -> Manifest:
        """The one."""
        return self.answer

    def blob(self, descriptor: Descriptor, *, at_most: int) -> bytes:
        """Nothing."""
        return b""

    def referrers(self, digest: Digest) -> tuple[Descriptor, ...]:
        """The one."""
        return (self.answer.descriptor,)

    def legacy(self, digest: Digest, suffix: str) -> Manifest | None:
        """None."""
        return None


def manifest(subject: Digest | None, *layers: str) -> Manifest:
    """A manifest about a subject."""
    described = [{"mediaType": one, "digest": str(IMAGE), "size": 1} for one in layers]
    about = {"subject": {"mediaType": MANIFEST, "digest": str(subject), "size": 1}} if subject else {}
    return parse_manifest(json.dumps({"schemaVersion": 2, "layers": described, **about}).encode(), MANIFEST)


BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (manifest(Digest.of(b"other"), BUNDLE), "referrer-subject"),
        (manifest(None, BUNDLE), "referrer-subject"),
        (manifest(IMAGE, BUNDLE, BUNDLE), "referrer-layers"),
    ],
)
def test_refuses(answer: Manifest, code: str) -> None:
    """A referrer to another image is not taken."""
    with pytest.raises(SigstepError) as caught:
        read_referrer(Source(answer), answer.descriptor, IMAGE)
    assert caught.value.code == code


def test_something_else() -> None:
    """Other attachments are passed over."""
    answer = manifest(IMAGE, "text/spdx")
    assert read_referrer(Source(answer), answer.descriptor, IMAGE) is None


def test_folders(tmp_path: Path) -> None:
    """No layout, no image in it, and a blob that is not there."""
    codes = []
    (tmp_path / "index.json").write_text('{"schemaVersion": 2, "manifests": []}')
    for digest in (None, None, IMAGE):
        with pytest.raises(SigstepError) as caught:
            open_layout(SavedImage(path=tmp_path)).manifest(digest)
        codes.append(caught.value.code)
        (tmp_path / "oci-layout").write_text("{}")
    assert codes == ["layout-missing", "layout-image", "layout-unreadable"]
