"""Fetch what is known about artifacts, to verify it later or elsewhere. Nothing is verified here."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sigstep.errors import NothingToExamine, Refusal
from sigstep.flows.registry_store import RegistryStore
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.verdict import Finding
from sigstep.ports.store import Finder, Found
from sigstep.ports.world import World
from sigstep.ports.writing import write_whole
from sigstep.subjects.hashing import hash_file
from sigstep.wire.signed_document import parse_signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """What was found about one artifact: the file that was written, and where each bundle was.

    Attributes:
        subject: the artifact.
        path: of the file with a bundle on each line; of the payload that was signed instead of an image, with its
            bundles in ``<path>.sigstore.jsonl``.
        sources: one for each bundle.
        findings: what a place handed out that is no bundle.
    """

    subject: Subject
    path: Path
    sources: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


def download(
    targets: Sequence[Path | Digest], places: Sequence[Finder], folder: Path | None, world: World
) -> tuple[Downloaded, ...]:
    """Ask every place about every artifact; write ``<file>.sigstore.jsonl``, or ``sha256-<hex>.sigstore.jsonl``.

    What older cosign signed of an image is written as ``sha256-<hex>.signed-<12 digits of its digest>.json``, with the
    bundles about it beside it.

    Args:
        targets: files or digests, at least one.
        places: at least one.
        folder: where to write; by default beside each file, and in the current folder for a digest.

    Raises:
        NothingToExamine: ``nothing-known``: no place knows anything about one of them; files of others are written.
        SigstepError: a place could not be asked.
    """
    subjects = [_subject(target) for target in targets]
    answers = [place.find(subjects, world) for place in places]
    written, unknown = [], []
    for target, subject in zip(targets, subjects, strict=True):
        found = [one for known in answers for digest in subject.digests for one in known.get(digest, ())]
        lines, findings = _lines(found)
        path = _path(target, folder)
        older = list(_payloads(subject, places, path.parent, world))
        if lines:
            write_whole(path, _joined(lines))
            written.append(Downloaded(subject=subject, path=path, sources=tuple(lines.values()), findings=findings))
        elif not older:
            unknown.append(subject.location)
        written += older
    if unknown:
        raise NothingToExamine(
            code="nothing-known",
            what=f"nothing is known about {', '.join(unknown)[:500]}",
            why=f"asked: {', '.join(place.name for place in places)}",
            fix="check the digest and the repository; name more places with --registry or --release",
        )
    return tuple(written)


def _lines(found: Sequence[Found]) -> tuple[dict[bytes, str], tuple[Finding, ...]]:
    """One line a bundle, each once, with its source; what is no bundle is told, never written."""
    lines: dict[bytes, str] = {}
    findings = []
    for one in found:
        try:
            parse_signed(one.data)
        except Refusal as error:
            findings.append(Finding.of(error, step="bundle", source=one.source))
            continue
        lines.setdefault(b" ".join(one.data.split(b"\n")).strip(), one.source)
    return lines, tuple(findings)


def _payloads(subject: Subject, places: Sequence[Finder], folder: Path, world: World) -> Iterator[Downloaded]:
    """Write each payload once, with the bundles about it on lines beside it."""
    signed: dict[tuple[Digest, bytes], dict[bytes, str]] = {}
    registries = [place for place in places if isinstance(place, RegistryStore)]
    for place, digest in itertools.product(registries, subject.digests):
        for one in place.payload_signatures(digest, world):
            signed.setdefault((digest, one.payload), {}).setdefault(one.bundle, one.source)
    for (digest, payload), bundles in signed.items():
        path = folder / f"{str(digest).replace(':', '-')}.signed-{Digest.of(payload).hex[:12]}.json"
        write_whole(path, payload)
        write_whole(path.with_name(f"{path.name}.sigstore.jsonl"), _joined(bundles))
        yield Downloaded(subject=subject, path=path, sources=tuple(bundles.values()))


def _joined(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def _subject(target: Path | Digest) -> Subject:
    if isinstance(target, Digest):
        return Subject(name="", digests=(target,), location=str(target))
    return Subject(name=target.name, digests=hash_file(target), location=str(target))


def _path(target: Path | Digest, folder: Path | None) -> Path:
    if isinstance(target, Digest):
        return (folder or Path()) / f"{str(target).replace(':', '-')}.sigstore.jsonl"
    return (folder or target.parent) / f"{target.name}.sigstore.jsonl"
