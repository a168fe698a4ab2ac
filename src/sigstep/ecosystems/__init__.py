"""Ecosystems: the package-url type and where its evidence is asked for."""

ECOSYSTEMS: tuple[tuple[str, str], ...] = (
    ("npm", "sigstep.ecosystems.npm:evidence"),
    ("pypi", "sigstep.ecosystems.pypi:evidence"),
)
