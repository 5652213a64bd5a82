"""The release's folder, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from infinitedance_cli.models.released.bundle import ReleasedBundle, convert_release
from tests.models.released.tiny_release import write_release


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def bundle(release: Path, tmp_path_factory: pytest.TempPathFactory) -> ReleasedBundle:
    folder = tmp_path_factory.mktemp("infinitedance")
    convert_release(release, folder)
    return ReleasedBundle(folder)
