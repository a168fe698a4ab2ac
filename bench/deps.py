"""A pull request with 1,000 changed dependencies against registries on loopback that answer after 50 ms.

The latency bound is the fewest requests that the evidence needs, over 8 connections to one host:

- npm: one document about the package, and the attestations of the replaced and of the new version: 3.
- Python: one document about the project, and the provenance of each attested file of both versions: 1 + 2 + 2.
- how the publishing run ended: one for each new version, at another host (the forge), beside the others.

Wanted: at most 1.3 times the bound, and less than 200 MB. Peers can do parts of it only: ``npm audit signatures`` what
is installed, from the public instance's trust alone, and ``pypi-attestations verify`` one file in one process.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

LATENCY_SECONDS: Final = 0.05
CONNECTIONS: Final = 8
NPM, PYPI = 600, 400
TARGET, MEMORY_MB = 1.3, 200
PADDING: Final = "x" * 40_000  # a document about a package of usual size
Answers = Mapping[str, tuple[int, str, bytes]]


async def serve(answers: Answers) -> None:
    """A server that keeps its connections and answers each request after the latency; it counts requests."""
    counts = {"requests": 0, "open": 0, "most": 0}

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counts["open"] += 1
        counts["most"] = max(counts["most"], counts["open"])
        try:
            while line := await reader.readline():
                path = line.split(b" ")[1].decode().partition("?")[0].replace("%2f", "/").replace("%40", "@")
                while (await reader.readline()).strip():
                    pass
                if path == "/counts":
                    status, kind, body = 200, "application/json", json.dumps(counts).encode()
                    counts.update(requests=0, most=counts["open"])
                else:
                    counts["requests"] += 1
                    await asyncio.sleep(LATENCY_SECONDS)
                    status, kind, body = answers.get(path, (404, "application/json", b"{}"))
                body = body.replace(b"localhost:PORT", f"localhost:{writer.get_extra_info('sockname')[1]}".encode())
                head = f"HTTP/1.1 {status} OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            counts["open"] -= 1
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


def prepare(folder: Path) -> None:
    """Publish everything, write the repository with its two commits, and what the server answers."""
    from tests.attesting import Who, sha256, sri
    from tests.market import Made, Market, python_files
    from tests.repositories import commits

    from sigstep.sandbox.local import Sandbox

    with Sandbox() as sandbox, Market(sandbox) as market:
        who = Who()
        old, new = Made("1.0.0", who), Made("1.1.0", who)
        npm, python = [f"n{at}" for at in range(NPM)], [f"p{at}" for at in range(PYPI)]
        for name in npm:
            market.npm(name, old, new)
        for name in python:
            market.pypi(name, old, new)
        market.run(who.repository, who.run, "success")
        answers = {
            path: (
                reply.status,
                reply.headers["Content-Type"],
                _padded(reply.body.replace(market.url.encode(), b"http://localhost:PORT"), path),
            )
            for path, reply in market.answers.items()
        }
        (folder / "answers").write_bytes(pickle.dumps(answers))
        (folder / "keys.json").write_bytes(market.npm_keys())
        (folder / "trust.json").write_bytes(sandbox.trust_config_file.read_bytes())

        def state(made: Made) -> dict[str, str]:
            packages = {
                f"node_modules/{name}": {"version": made.version, "integrity": sri(made.data(name))} for name in npm
            }
            text = "".join(
                f'[[package]]\nname = "{name}"\nversion = "{made.version}"\nwheels = ['
                + ", ".join(
                    f'{{ url = "https://files.example/{file}", hash = "sha256:{sha256(made.data(name, file))}" }}'
                    for file in python_files(name, made.version)
                )
                + "]\n"
                for name in python
            )
            return {"package-lock.json": json.dumps({"lockfileVersion": 3, "packages": packages}), "uv.lock": text}

        repository = folder / "repository"
        repository.mkdir()
        commits(repository, state(old), state(new))


def _padded(body: bytes, path: str) -> bytes:
    """A document about a package, made as large as they usually are."""
    is_document = path.startswith("/simple/") or (path.startswith("/npm/") and "/-/" not in path)
    return body[:-1] + f', "readme": "{PADDING}"}}'.encode() if is_document else body


def main() -> int:
    """One line a figure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, __file__, "prepare", str(folder)], check=True)  # so that this process is small
        server = subprocess.Popen([sys.executable, __file__, "serve", str(folder)], stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            return measure(folder, int(server.stdout.readline()))
        finally:
            server.terminate()
            server.wait()


def measure(folder: Path, port: int) -> int:
    """Run the command and compare it with the bound."""
    registries = {
        "npm": f"http://localhost:{port}/npm",
        "pypi": f"http://localhost:{port}/simple",
        "github": f"http://127.0.0.1:{port}/github",
    }
    command = [
        sys.executable, "-m", "sigstep", "deps", "diff", "--base", "s0", "--head", "s1", "--format", "json",
        "--repository", str(folder / "repository"), "--registry-keys", str(folder / "keys.json"),
        "--trust-config", str(folder / "trust.json"), "--offline", "--seconds", "600",
        *(one for item in registries.items() for one in ("--registry", "=".join(item))),
    ]  # fmt: skip
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "SIGSTEP_"))}  # noqa: TID251
    began = time.perf_counter()
    report = folder / "report.json"
    with report.open("w") as output:
        child = subprocess.Popen(command, stdout=output, env=environ)
        _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    memory = usage.ru_maxrss / 1024
    if child.returncode:
        print(report.read_text()[-2000:])
        return 1
    results = json.loads(report.read_text())["results"]
    verified = sum(one["evidence"]["new"]["state"] == "verified" for one in results)
    needed = NPM * 3 + PYPI * 5
    bound = needed * LATENCY_SECONDS / CONNECTIONS
    print(f"{len(results)} changes, {verified} verified; {needed} requests to one host are needed")
    print(f"{seconds:.1f} s, latency bound {bound:.1f} s, ratio {seconds / bound:.2f} (wanted {TARGET})")
    print(f"{memory:.0f} MB at most (wanted {MEMORY_MB})")
    _counts(port)
    _peers()
    return 0 if verified == len(results) else 1


def _counts(port: int) -> None:
    from urllib.request import urlopen

    with urlopen(f"http://localhost:{port}/counts") as answer:
        counts = json.load(answer)
    print(f"{counts['requests']} requests were sent, over at most {counts['most']} connections to both hosts together")


def _peers() -> None:
    """One file with its PEP 740 provenance in one process, as ``pypi-attestations`` does it."""
    print("npm audit signatures: not measured: it refreshes the public TUF repository first, which is not on loopback")
    shared = Path(os.environ.get("SIGSTEP_SHARED", "../shared"))  # noqa: TID251
    file = shared / "material" / "pep740" / "pypi_attestations-0.0.19.tar.gz"
    root = shared / "trust" / "public-good.trusted_root.json"
    peer = shutil.which("pypi-attestations", path=str(Path(sys.executable).parent))
    if peer is None or not file.is_file():
        print("pypi-attestations: not measured: it or the shared file is not here")
        return
    repository, provenance = "trailofbits/pypi-attestations", f"{file}.provenance"
    theirs = [peer, "verify", "pypi", "--offline", "--repository", f"https://github.com/{repository}"]
    ours = [sys.executable, "-m", "sigstep", "verify", str(file), "--bundle", provenance, "--repo", repository]
    mine = _best([*ours, "--trusted-root", str(root)])
    other = _best([*theirs, "--provenance-file", provenance, str(file)])
    print(f"one file, one process: sigstep {mine:.2f} s, pypi-attestations {other:.2f} s")


def _best(command: list[str]) -> float:
    times = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return min(times)


if __name__ == "__main__":
    if sys.argv[1:2] == ["prepare"]:
        prepare(Path(sys.argv[2]))
        sys.exit()
    if sys.argv[1:2] == ["serve"]:
        kept = pickle.loads((Path(sys.argv[2]) / "answers").read_bytes())
        asyncio.run(serve(kept))
    sys.exit(main())
