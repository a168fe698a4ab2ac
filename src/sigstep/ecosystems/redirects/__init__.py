"""Files that say where packages come from: a pattern (of whole paths where it has a slash) and the reader."""

_HERE = "sigstep.ecosystems.redirects."

REDIRECTS: tuple[tuple[str, str], ...] = tuple(
    (pattern, f"{_HERE}{place}")
    for pattern, place in (
        (".npmrc", "npm:npmrc"),
        (".yarnrc.yml", "npm:yarn_berry"),
        (".yarnrc", "npm:yarn_classic"),
        ("pnpm-workspace.yaml", "npm:pnpm_workspace"),
        ("bunfig.toml", "npm:bun"),
        ("uv.toml", "python:tables"),
        ("pyproject.toml", "python:tables"),
        ("pip.conf", "python:pip_conf"),
        ("pdm.toml", "python:pdm"),
        ("requirements*.txt", "python:requirements"),
        ("*requirements.txt", "python:requirements"),
        ("requirements*.in", "python:requirements"),
        ("*/requirements/*.txt", "python:requirements"),
        ("constraints*.txt", "python:requirements"),
        ("*constraints.txt", "python:requirements"),
        ("*/.cargo/config.toml", "cargo:config"),
        ("*/.cargo/config", "cargo:config"),
        ("Cargo.toml", "cargo:manifest"),
        ("go.mod", "golang:module"),
        ("go.work", "golang:module"),
        ("*/.bundle/config", "environment:bundler"),
        ("*/.github/workflows/*.yml", "environment:workflow"),
        ("*/.github/workflows/*.yaml", "environment:workflow"),
        ("Dockerfile", "environment:dockerfile"),
        ("Dockerfile.*", "environment:dockerfile"),
        ("*.Dockerfile", "environment:dockerfile"),
        ("Containerfile", "environment:dockerfile"),
        ("Containerfile.*", "environment:dockerfile"),
        ("action.yml", "environment:workflow"),
        ("action.yaml", "environment:workflow"),
    )
)
