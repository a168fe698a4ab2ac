"""Which registries are in use, and whose credentials go where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tests.repositories import commits
from tests.worlds import world

from sigstep.errors import ServiceError, UsageError
from sigstep.flows.lockfiles import Git
from sigstep.flows.registries import Registries, authorizations, registries_of
from sigstep.model.dependency import Locked
from sigstep.ports.real import RealProcess
from sigstep.ports.world import Completed

FILES = {
    ".npmrc": "registry=https://npm.corp.example/\n@acme:registry = https://acme.example/npm/\n",
    "pyproject.toml": '[[tool.uv.index]]\nname = "x"\nurl = "https://index.corp.example/simple"\ndefault = true\n',
}


@dataclass
class Programs:
    """Real Git, and other programs that answer as told."""

    answers: Mapping[str, str] = field(default_factory=dict)
    ran: list[Sequence[str]] = field(default_factory=list)

    def which(self, name: str) -> str | None:
        """See `Process.which`."""
        return RealProcess().which(name) if name == "git" else name if name in self.answers else None

    def run(
        self,
        arguments: Sequence[str],
        *,
        timeout: float,
        stdin: bytes = b"",
        environ: Mapping[str, str] | None = None,
    ) -> Completed:
        """See `Process.run`."""
        if Path(arguments[0]).name == "git":
            return RealProcess().run(arguments, timeout=timeout, stdin=stdin, environ=environ)
        self.ran.append(arguments)
        said = self.answers[arguments[0]]
        if said == "broken":
            raise ServiceError(code="process-failed", what="no")
        return Completed(status=1 if said == "fails" else 0, stdout=f"{said}\n".encode(), stderr=b"")


def locked(ecosystem: str, name: str = "foo", registry: str = "", source: str = "") -> Locked:
    """A locked version."""
    return Locked(ecosystem=ecosystem, name=name, version="1", registry=registry, source=source, path="lock", line=1)


def found(
    folder: Path,
    files: Mapping[str, str],
    *locks: Locked,
    options: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    programs: Programs | None = None,
) -> Registries:
    """The registries of a repository with these files."""
    commits(folder, dict(files))
    outside = replace(world(environ=environ), process=programs or Programs())
    return registries_of(Git(folder, outside), "s0", options or {}, locks, outside)


def test_files_of_the_repository(tmp_path: Path) -> None:
    """npm's and uv's configuration; scopes of npm have their own registry."""
    registries = found(tmp_path, FILES)
    assert registries.by_name == {
        "npm": "https://npm.corp.example",
        "npm @acme": "https://acme.example/npm",
        "pypi": "https://index.corp.example/simple",
    }
    filled = registries.fill(
        (
            locked("npm"),
            locked("npm", "@acme/x"),
            locked("npm", "@other/x"),
            locked("pypi", registry="https://stated.example"),
            locked("npm", source="git x"),
            locked("cargo"),
        )
    )
    assert [one.registry for one in filled] == [
        "https://npm.corp.example",
        "https://acme.example/npm",
        "https://npm.corp.example",
        "https://stated.example",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("path", "text", "wanted"),
    [
        (".yarnrc.yml", "npmRegistryServer: https://y.example\nnpmScopes:\n  acme: {npmRegistryServer: https://a.example}\n  b: 1\n",
         {"npm": "https://y.example", "npm @acme": "https://a.example"}),
        (".yarnrc.yml", "- 1\n", {}),
        (".yarnrc.yml", "a: [", {}),
        ("bunfig.toml", '[install]\nregistry = "https://b.example/"\n', {"npm": "https://b.example"}),
        ("bunfig.toml", '[install.registry]\nurl = "https://b.example/"\n', {"npm": "https://b.example"}),
        ("bunfig.toml", "x = 1\n", {}),
        ("uv.toml", 'index-url = "https://u.example/simple"\n', {"pypi": "https://u.example/simple"}),
        ("pyproject.toml", '[[tool.poetry.source]]\nname="p"\nurl="https://p.example/simple"\npriority="primary"\n',
         {"pypi": "https://p.example/simple"}),
        ("pyproject.toml", '[[tool.uv.index]]\nurl="https://extra.example"\n', {}),
        ("pyproject.toml", "[[[", {}),
        ("pip.conf", "[global]\nindex-url = https://pip.example/simple\n", {"pypi": "https://pip.example/simple"}),
    ],
)  # fmt: skip
def test_each_configuration(tmp_path: Path, path: str, text: str, wanted: dict[str, str]) -> None:
    """What each file says; one that cannot be read says nothing."""
    assert found(tmp_path, {path: text}).by_name == wanted


def test_order(tmp_path: Path) -> None:
    """An option wins over files, files over the environment, the environment over asking."""
    environ = {"NPM_CONFIG_REGISTRY": "https://env.example", "UV_DEFAULT_INDEX": "https://env.example/simple"}
    programs = Programs({"npm": "https://asked.example/", "pip": "https://asked.example/simple"})
    registries = found(tmp_path, FILES, locked("npm"), options={"npm": "https://option.example"}, environ=environ)
    assert registries.by_name["npm"] == "https://option.example"
    assert registries.by_name["pypi"] == "https://index.corp.example/simple"
    (tmp_path / "two").mkdir()
    assert found(tmp_path / "two", {}, locked("npm"), environ=environ, programs=programs).by_name == {
        "npm": "https://env.example",
        "pypi": "https://env.example/simple",
    }
    assert programs.ran == []
    (tmp_path / "three").mkdir()
    asked = found(tmp_path / "three", {}, locked("npm"), locked("pypi"), programs=programs)
    assert asked.by_name == {"npm": "https://asked.example", "pypi": "https://asked.example/simple"}
    assert [one[0] for one in programs.ran] == ["npm", "pip"]
    assert programs.ran[0][1] == "--prefix"  # outside the repository, whose .npmrc may be the change


@pytest.mark.parametrize("said", ["undefined", "fails", "broken"])
def test_package_managers_that_say_nothing(tmp_path: Path, said: str) -> None:
    """No registry is guessed."""
    programs = Programs({"npm": said, "pip": said, "go": said})
    registries = found(tmp_path, {}, locked("npm"), locked("golang"), programs=programs)
    assert "npm" not in registries.by_name


def test_the_installed_go_knows_its_notary(tmp_path: Path) -> None:
    """The database's key is that of the installed Go; its name is the database's address."""
    place = tmp_path / "go" / "src" / "cmd" / "go" / "internal" / "modfetch"
    place.mkdir(parents=True)
    key = "sum.example+033de0ae+Ac4zctda0e5eza"
    (place / "key.go").write_text(f'var knownGOSUMDB = map[string]string{{\n\t"sum.example": "{key}",\n}}\n')

    class Go(Programs):
        def run(self, arguments: Sequence[str], **more: object) -> Completed:
            if arguments[0] != "go":
                return super().run(arguments, **more)  # type: ignore[arg-type]
            said = {"GOSUMDB": "sum.example", "GOROOT": str(tmp_path / "go")}[arguments[2]]
            return Completed(status=0, stdout=said.encode(), stderr=b"")

    (tmp_path / "repository").mkdir()
    registries = found(tmp_path / "repository", {}, locked("golang"), programs=Go({"go": ""}))
    assert (registries.notary, registries.by_name["golang"]) == (key, "https://sum.example")


def test_credentials_go_to_their_own_host(tmp_path: Path) -> None:
    """npm's user configuration, addresses with a password, GitHub's token, and named variables: each to one origin."""
    (tmp_path / "npmrc").write_text("//npm.corp.example/:_authToken=${NPM}\n//other.example/:_authToken=${NOT_SET}\n")
    environ = {
        "NPM_CONFIG_USERCONFIG": str(tmp_path / "npmrc"),
        "NPM": "n-token",
        "PIP_INDEX_URL": "https://user:pass@index.example/simple",
        "GITHUB_API_URL": "https://hub.example/api",
        "GITHUB_TOKEN": "g-token",
        "MINE": "m-token",
    }
    (tmp_path / "repository").mkdir()
    registries = found(tmp_path / "repository", {}, environ=environ)
    assert registries.by_name["pypi"] == "https://index.example/simple"
    headers = authorizations(registries, {"gems.example": "MINE"}, world(environ=environ))
    assert headers == {
        "https://npm.corp.example": "Bearer n-token",
        "https://index.example": "Basic dXNlcjpwYXNz",
        "https://hub.example": "Bearer g-token",
        "https://gems.example": "Bearer m-token",
    }
    elsewhere = replace(registries, forge="https://evil.example")
    assert "https://evil.example" not in authorizations(elsewhere, {}, world(environ=environ))
    with pytest.raises(UsageError) as refused:
        authorizations(registries, {"gems.example": "NOT_SET"}, world(environ=environ))
    assert refused.value.code == "registry-credential"


def test_another_lockfile_says_it(tmp_path: Path) -> None:
    """A registry that one lockfile states serves another of its ecosystem."""
    registries = found(tmp_path, {}, locked("gem", registry="https://gems.example"), locked("gem"))
    assert registries.by_name["gem"] == "https://gems.example"


def test_runs_are_asked_about_where_github_answers_enough(tmp_path: Path) -> None:
    """Named, in a job, or with a token."""
    cases: list[tuple[dict[str, str], dict[str, str], bool]] = [
        ({}, {}, False),
        ({"GITHUB_TOKEN": "t"}, {}, True),
        ({"GITHUB_API_URL": "https://hub.example"}, {}, True),
        ({}, {"github": "https://hub.example"}, True),
    ]
    for number, (environ, options, wanted) in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert found(folder, {}, environ=environ, options=options).asks_runs is wanted
