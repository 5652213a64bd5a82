"""The toy worker is known to every test of the folder, and no worker of the user.

It runs under the interpreter of the tests, or that in IDANCE_OLD_PYTHON, such as a Python 3.8 with numpy and h5py.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("IDANCE_TOY_PYTHON", os.environ.get("IDANCE_OLD_PYTHON", sys.executable))
