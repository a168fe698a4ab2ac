"""Readers: a pattern of file names (of whole paths where it has a slash) and its reader; the first match counts."""

_HERE = "sigstep.ecosystems.readers."

READERS: tuple[tuple[str, str], ...] = tuple(
    (pattern, f"{_HERE}{name}:read")
    for pattern, name in (
        ("uv.lock", "uv"),
        ("poetry.lock", "poetry"),
        ("pdm.lock", "pdm"),
        ("pylock.toml", "pylock"),
        ("pylock.*.toml", "pylock"),
        ("Pipfile.lock", "pipfile"),
        ("package-lock.json", "package_lock"),
        ("npm-shrinkwrap.json", "package_lock"),
        ("pnpm-lock.yaml", "pnpm"),
        ("yarn.lock", "yarn"),
        ("bun.lock", "bun"),
        ("Cargo.lock", "cargo"),
        ("Gemfile.lock", "gemfile"),
        ("gems.locked", "gemfile"),
        ("go.sum", "go_sum"),
        ("go.work.sum", "go_sum"),
        ("verification-metadata.xml", "gradle"),
        ("mise.lock", "mise"),
        ("requirements*.txt", "requirements"),
        ("*requirements.txt", "requirements"),
        ("*/requirements/*.txt", "requirements"),
        ("*/.github/workflows/actions.lock", "actions_lock"),
        ("*/.github/workflows/*.yml", "workflow"),
        ("*/.github/workflows/*.yaml", "workflow"),
        ("action.yml", "workflow"),
        ("action.yaml", "workflow"),
        ("Dockerfile", "images"),
        ("Dockerfile.*", "images"),
        ("*.Dockerfile", "images"),
        ("Containerfile", "images"),
        ("Containerfile.*", "images"),
        ("*.yml", "images"),
        ("*.yaml", "images"),
    )
)
MANIFESTS: frozenset[str] = frozenset({f"{_HERE}workflow:read", f"{_HERE}images:read"})
"""Readers of files that people write: one that cannot be read is told, and takes nothing else with it."""
