"""Files, digests and checksums as subjects."""

from __future__ import annotations

import hashlib
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests import worlds

from sigstep.errors import FormatError, NothingToExamine, SigstepError, Undecided, UsageError
from sigstep.model.digest import Algorithm
from sigstep.rendering.text import plain
from sigstep.subjects.checksums import ChecksumSubjects
from sigstep.subjects.digest import DigestSubject
from sigstep.subjects.files import FileSubjects

HELLO = hashlib.sha256(b"hello").hexdigest()


def names(base: Path, *patterns: str, relative: bool = False) -> list[str]:
    return [
        one.name
        for one in FileSubjects(patterns=patterns, base=base, name_base=base if relative else None).resolve(
            worlds.world()
        )
    ]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for name in ("a.txt", "b.txt", "sub/a.txt", "[x].bin", "empty"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"" if name == "empty" else b"hello")
    return tmp_path


def test_paths_and_globs(base: Path) -> None:
    """Order of the patterns; a path that exists is that file."""
    assert names(base, "b.txt", "*.txt") == ["b.txt", "a.txt"]
    assert names(base, "**/*.txt", relative=True) == ["a.txt", "b.txt", "sub/a.txt"]
    assert names(base, "[x].bin") == ["[x].bin"]
    assert names(base, "*.txt", "!b*") == ["a.txt"]
    assert names(base, str(base / "a.txt")) == ["a.txt"]


def test_the_same_file_twice_is_there_once(base: Path) -> None:
    """Issue 2, good input that tools get wrong."""
    (base / "link.txt").symlink_to(base / "a.txt")
    assert names(base, "a.txt", "./a.txt", "sub/../a.txt", "link.txt") == ["a.txt"]


def test_an_empty_file_has_a_digest(base: Path) -> None:
    """The digest of nothing."""
    [subject] = FileSubjects(patterns=("empty",), base=base).resolve(worlds.world())
    assert str(subject.digests[0]) == "sha256:" + hashlib.sha256(b"").hexdigest()


def test_a_hostile_name_is_taken_and_shown_escaped(base: Path) -> None:
    """A name with newlines and a workflow command."""
    name = "a\n::set-output name=x::y"
    (base / name).write_bytes(b"hello")
    [shown] = names(base, name)
    assert shown == name
    assert "\n" not in plain(shown)
    assert "::" not in plain(shown)


@pytest.mark.parametrize(
    ("patterns", "code", "kind"),
    [
        (("*.whl",), "subject-missing", NothingToExamine),
        (("a.txt", "missing.txt"), "subject-missing", NothingToExamine),
        ((), "no-subject", NothingToExamine),
        (("a.txt", "!a.txt"), "no-subject", NothingToExamine),
        (("sub",), "subject-is-directory", UsageError),
        (("pipe",), "subject-not-a-file", UsageError),
        (("x" * 5000,), "subject-unreadable", Undecided),
    ],
)
def test_what_cannot_be_a_subject(base: Path, patterns: tuple[str, ...], code: str, kind: type[SigstepError]) -> None:
    """Nothing is left out silently."""
    os.mkfifo(base / "pipe")
    with pytest.raises(kind) as caught:
        names(base, *patterns)
    assert caught.value.code == code


def test_a_sparse_file_of_3_gb_is_hashed_in_constant_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 2; the file is opened once, and the memory does not grow with it."""
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.truncate(3 * 1024**3)
    opened: list[Path] = []
    real: Callable[..., object] = Path.open

    def counted(self: Path, *args: object, **more: object) -> object:
        opened.append(self)
        return real(self, *args, **more)

    monkeypatch.setattr(Path, "open", counted)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    [subject] = FileSubjects(patterns=("big",), base=tmp_path).resolve(worlds.world())
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert subject.digests[0].algorithm is Algorithm.SHA256
    assert opened == [big]
    assert grown < (100 * 1024 if sys.platform == "linux" else 100 * 1024**2)


def test_several_digests_come_from_one_reading(base: Path) -> None:
    """For keys that sign another digest than sha256."""
    wanted = (Algorithm.SHA256, Algorithm.SHA384)
    [subject] = FileSubjects(patterns=("a.txt",), base=base, algorithms=wanted).resolve(worlds.world())
    assert [one.hex for one in subject.digests] == [HELLO, hashlib.sha384(b"hello").hexdigest()]


def test_a_digest_names_a_subject() -> None:
    """Without its bytes."""
    [subject] = DigestSubject(digest=f"sha256:{HELLO}", name="app").resolve(worlds.world())
    assert (subject.name, str(subject.digests[0])) == ("app", f"sha256:{HELLO}")


def checksums(path: Path, text: str) -> list[tuple[str, str]]:
    file = path / "SHA256SUMS"
    file.write_bytes(text.encode())
    return [(one.name, one.digests[0].hex) for one in ChecksumSubjects(path=file).resolve(worlds.world())]


def test_a_checksums_file_names_subjects(tmp_path: Path) -> None:
    """Both forms of coreutils, LF and CRLF, escaped names, a line twice."""
    text = f"{HELLO}  a\r\n{HELLO} *b b\n\\{HELLO}  c\\nd\nSHA256 (e) = {HELLO.upper()}\n{HELLO}  a\n\n"
    assert checksums(tmp_path, text) == [("a", HELLO), ("b b", HELLO), ("c\nd", HELLO), ("e", HELLO)]


@pytest.mark.parametrize("text", [f"{HELLO}\n", f"{HELLO}  a\nhello\n", f"{HELLO}00  a\n", f"SHA512 (e) = {HELLO}\n"])
def test_no_line_is_passed_over(tmp_path: Path, text: str) -> None:
    """A line that is not understood refuses the file."""
    with pytest.raises(FormatError) as caught:
        checksums(tmp_path, text)
    assert caught.value.code == "checksums-malformed"


def test_an_empty_or_missing_checksums_file(tmp_path: Path) -> None:
    """Nothing passes because there was nothing."""
    with pytest.raises(NothingToExamine) as caught:
        checksums(tmp_path, "\n")
    assert caught.value.code == "no-subject"
    with pytest.raises(Undecided) as missing:
        ChecksumSubjects(path=tmp_path / "nothing").resolve(worlds.world())
    assert missing.value.code == "subject-unreadable"
