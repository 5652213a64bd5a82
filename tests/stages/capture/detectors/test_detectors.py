from __future__ import annotations

from pathlib import Path

import numpy as np

from infinitedance_cli import plugins


def test_both_detectors_are_listed() -> None:
    assert {"blazepose", "yolo"} <= set(plugins.names("detector"))


def test_blazepose_finds_nobody_in_grey(blazepose: Path) -> None:
    detector = plugins.load("detector", "blazepose").create()
    assert detector.detect(np.full((200, 300, 3), 128, np.uint8)) == ()
