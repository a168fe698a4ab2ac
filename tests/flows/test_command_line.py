"""What people get wrong on the command line: nothing empty passes for not given, and no traceback ends it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from sigstep.cli.main import COMMANDS, sigstep
from sigstep.cli.other_tools import COMMANDS_ELSEWHERE, OPTIONS_ELSEWHERE
from sigstep.errors import SigstepError
from sigstep.model import limits

DOCS = Path(__file__).parents[2] / "docs"


def run(*words: str, output: int = subprocess.PIPE) -> tuple[int, str]:
    """Exit status, and what both streams say."""
    done = subprocess.run(
        [sys.executable, "-m", "sigstep", *words],
        stdout=output,
        stderr=subprocess.PIPE,
        check=False,
        text=True,
        timeout=60,
    )
    return done.returncode, (done.stdout or "") + done.stderr


def error_of(*words: str) -> SigstepError:
    """The error that ends the command."""
    with pytest.raises(SigstepError) as caught:
        CliRunner().invoke(sigstep, words, catch_exceptions=False, standalone_mode=False)
    return caught.value


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "app.whl", "--repo", "acme/app", "--signer-workflow", ""),
        ("verify", "app.whl", "--repo", "acme/app", "--subject-name="),
        ("verify", "app.whl", "--owner", "acme", "--repo", ""),
        ("verify", "app.whl", "--repo", "acme/app", "--identity", "", "--issuer", ""),
        ("verify", "app.whl", "--any-signer-unsafe", ""),
        ("verify", "", "--repo", "acme/app"),
        ("policy", "explain", "--policy="),
        ("attest", "app.whl", "--instance", ""),
    ],
)
def test_an_empty_value_never_counts_as_not_given(words: tuple[str, ...]) -> None:
    """An unset variable must not take a demand away, nor make the working directory the target."""
    error = error_of(*words)
    assert (error.code, error.exit_code) == ("value-empty", 2)


def test_the_sandbox_hands_empty_arguments_on() -> None:
    """What follows is the user's own command."""
    status, said = run("sandbox", "--", sys.executable, "-c", "import sys; print(sys.argv[1:])", "", "--a=")
    assert (status, said) == (0, "['', '--a=']\n")


@pytest.mark.parametrize("words", [("--help",), ("trust", "show"), ("policy", "init", "acme/app")])
def test_a_full_device_is_told_in_words(words: tuple[str, ...]) -> None:
    """Never a traceback, and never a success."""
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        status, said = run(*words, output=full)
    finally:
        os.close(full)
    assert status == 4
    assert "[system-refused]" in said
    assert "No space left on device" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("-", "write /dev/stdin"),
        ("5" * 64, f"sha256:{'5' * 64}"),
        ("a" * 300, "check the path"),
        ("nothing.whl", "check the path"),
        ("alpine:3", "docker.io/alpine:3"),
    ],
)
def test_what_is_not_there_is_told_before_anything_is_asked(target: str, hint: str) -> None:
    """No trust root is fetched for a file that does not exist."""
    error = error_of("verify", target, "--repo", "acme/app")
    assert (error.code, error.exit_code) == ("subject-missing", 3)
    assert hint in error.fix


@pytest.mark.parametrize(
    ("target", "code"), [("in/app.whl", "subject-unreadable"), ("in", "subject-unreadable-folder")]
)
def test_a_closed_folder_is_no_missing_file(tmp_path: Path, target: str, code: str) -> None:
    """What may not be looked at may be there."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "app.whl").touch()
    folder.chmod(0)
    words = [sys.executable, "-m", "sigstep", "verify", str(tmp_path / target), "--repo", "acme/app", "--offline"]
    # a super-user who gave up the right to look into every folder
    limited = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", *words]
    try:
        command = limited if os.geteuid() == 0 else words
        done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=60)
    finally:
        folder.chmod(0o700)
    assert f"[{code}]" in done.stderr
    assert "Permission denied" in done.stderr


def test_a_key_of_a_witness_is_no_large_file(tmp_path: Path) -> None:
    """Read up to its bound, then refused."""
    file = tmp_path / "witnesses.txt"
    with file.open("wb") as opened:
        opened.truncate(limits.TRUSTED_ROOT_BYTES + 1)
    error = error_of("verify", __file__, "--repo", "acme/app", "--offline", "--witness", str(file))
    assert error.code == "file-too-large"


def test_nothing_named(tmp_path: Path) -> None:
    """At once, without a network."""
    assert error_of("verify", "--repo", "acme/app").code == "no-subject"
    assert error_of("load", str(tmp_path / "none"), "localhost:1/app").code == "layout-missing"


def test_a_file_is_no_image_of_a_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker Hub is not asked for a file of this machine."""
    monkeypatch.chdir(tmp_path)
    Path("app.tar").write_bytes(b"no archive")
    assert error_of("tree", "app.tar").code == "layout-archive"


def test_a_regular_expression_is_refused_in_words() -> None:
    """RE2's reason, without Python around it."""
    error = error_of("verify", __file__, "--identity-regexp", "(", "--issuer", "https://issuer.example")
    assert error.code == "matcher-malformed"
    assert error.why.startswith("missing )")


def test_options_are_named_as_they_are_typed() -> None:
    """With hyphens."""
    error = error_of("verify", __file__, "--identity", "a", "--issuer", "b", "--issuer-regexp", "c")
    assert error.code == "option-conflict"
    assert "--issuer-regexp" in error.what
    for option in ("--type", "--owner", "--signer-workflow", "--any-signer-unsafe"):
        error = error_of("verify", __file__, "--policy", "policy.yml", option, "x")
        assert error.why == f"{option} is given too"


@pytest.mark.parametrize("option", OPTIONS_ELSEWHERE)
def test_options_of_other_tools_have_ours(option: str) -> None:
    """Each names an option that exists; the long ones are in the table of the how-to too."""
    known = {name for one in _verify().params for name in one.opts}
    assert OPTIONS_ELSEWHERE[option].split()[0] in known
    assert option not in known
    if option.startswith("--"):
        assert f"`{option}`" in (DOCS / "how-to" / "from-other-verifiers.md").read_text()


def test_an_option_of_another_tool_is_told_by_ours() -> None:
    """By the whole command: cosign's and gh's names."""
    for option, ours in (("--certificate-identity", "--identity"), ("-R", "--repo")):
        status, said = run("verify", "app.whl", option, "x")
        assert status == 2
        assert f"No such option {option!r}: here it is {ours}." in said


def test_an_option_that_this_command_has_not() -> None:
    """Nobody is sent to an option that is then unknown too."""
    status, said = run("sign", "app.whl", "--certificate-identity", "x")
    assert status == 2
    assert "No such option '--certificate-identity'" in said
    assert "here it is" not in said


@pytest.mark.parametrize("name", COMMANDS_ELSEWHERE)
def test_commands_of_other_tools_are_told_by_ours(name: str) -> None:
    """Each names a command that exists."""
    result = CliRunner().invoke(sigstep, [name])
    assert result.exit_code == 2
    assert f"`sigstep {COMMANDS_ELSEWHERE[name]}`" in result.output
    assert COMMANDS_ELSEWHERE[name].split("`")[0].split()[0] in COMMANDS


def _verify() -> click.Command:
    command = sigstep.get_command(click.Context(sigstep), "verify")
    assert command is not None
    return command
