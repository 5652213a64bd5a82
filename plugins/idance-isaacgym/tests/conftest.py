"""The tests import their helpers by name, and no worker of the user is touched."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("IDANCE_ISAACGYM_PYTHON", os.environ.get("IDANCE_OLD_PYTHON", sys.executable))
    for setting in ("REPOSITORY", "CHECKPOINTS"):
        monkeypatch.delenv(f"IDANCE_ISAACGYM_{setting}", raising=False)
