"""`--sbom auto`: syft where it is there, else the Python project, else a refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.refusals import code_of
from tests.worlds import world

from sigstep.flows.sbom_making import make_sbom
from sigstep.ports.real import RealProcess
from sigstep.ports.world import Completed, World


class Scripted(RealProcess):
    """Keeps what was run; a program is there when it is named."""

    def __init__(self, *programs: str, answer: Completed | None = None) -> None:
        self.programs = programs
        self.answer = answer
        self.ran: list[Sequence[str]] = []

    def which(self, name: str) -> str | None:
        """Only what is named."""
        return f"/bin/{name}" if name in self.programs else None

    def run(
        self,
        arguments: Sequence[str],
        *,
        timeout: float,
        stdin: bytes = b"",
        environ: Mapping[str, str] | None = None,
    ) -> Completed:
        """The answer, or the real program."""
        self.ran.append(arguments)
        return self.answer or super().run(arguments, timeout=timeout, stdin=stdin, environ=environ)


def with_process(process: Scripted, **environ: str) -> World:
    """A world with these programs."""
    return replace(world(environ=environ), process=process)


SBOM = Completed(status=0, stdout=b'{"bomFormat": "CycloneDX", "specVersion": "1.6"}', stderr=b"")


@pytest.mark.parametrize(
    ("source", "argument"),
    [("", "dir:."), (".", "dir:."), (__file__, f"file:{__file__}"), ("a.example/b:1", "a.example/b:1")],
)
def test_syft_is_asked(source: str, argument: str) -> None:
    """A folder, a file or an image."""
    process = Scripted("syft", answer=SBOM)
    assert make_sbom(source, with_process(process)).type == "https://cyclonedx.org/bom"
    assert process.ran[0][-1] == argument


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (("poetry.lock",), ("poetry",)),
        (("Pipfile.lock",), ("pipenv",)),
        (("requirements.txt",), ("requirements",)),
        (("pyvenv.cfg",), ("environment",)),
        ((), ("environment", "/env")),
    ],
)
def test_python_projects(tmp_path: Path, files: tuple[str, ...], words: tuple[str, ...]) -> None:
    """The lock file decides, else the environment."""
    for name in files:
        (tmp_path / name).write_text("")
    process = Scripted(answer=SBOM)
    make_sbom(str(tmp_path), with_process(process, VIRTUAL_ENV="/env"))
    assert set(words) <= set(process.ran[0])


def test_cyclonedx_for_real(tmp_path: Path) -> None:
    """CycloneDX's own tool reads a requirements file."""
    (tmp_path / "requirements.txt").write_text("click==8.1.7\n")
    made = make_sbom(str(tmp_path), with_process(Scripted()))
    assert made.content is not None
    assert [one["name"] for one in made.content["components"]] == ["click"]


@pytest.mark.parametrize(
    ("source", "process", "code"),
    [
        ("a.example/b:1", Scripted(), "sbom-generator-missing"),
        ("", Scripted("syft", answer=Completed(status=1, stdout=b"", stderr=b"no")), "sbom-generator-failed"),
        ("", Scripted("syft", answer=Completed(status=0, stdout=b"{}", stderr=b"")), "sbom-unknown"),
    ],
)
def test_refused(source: str, process: Scripted, code: str) -> None:
    """No tool, a tool that fails, a tool that writes something else."""
    assert code_of(lambda: make_sbom(source, with_process(process))) == code
