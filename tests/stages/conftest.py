"""Fixtures of the stages' tests."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the four files of a generator, random and tiny; see `tests.models.tiny_bundle`. Do not write."""
    from tests.models.tiny_bundle import write_tiny_bundle

    return write_tiny_bundle(tmp_path_factory.mktemp("tiny_bundle"))
