"""Tests; a package so that no dependency's own `tests` package is taken for it."""
