"""Which song a clip belongs to, and from which moment on, by what the clip says of itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

from infinitedance_cli.motion.clip import MotionClip

MUSIC_STAGE = "dataset music"
"""The step that tells clips of their songs."""


def song_start(clip: MotionClip) -> float:
    """Second of the song at which the clip begins, as the step that last said so noted; 0 where none did."""
    for record in reversed(clip.provenance):
        settings = record.get("config")
        if record.get("stage") == "generate" and isinstance(settings, dict):
            return float(settings.get("start", 0.0))
        if record.get("stage") in ("capture", MUSIC_STAGE):
            return float(record.get("music_start_s", 0.0))
    return 0.0


def named_like(stems: Sequence[str], name: str) -> str | None:
    """The stem that is a dance's name, else the longest that stands in it as a whole word (`mBR0` in
    `gBR_sBM_cAll_d04_mBR0_ch01`)."""
    if name in stems:
        return name
    inside = [stem for stem in stems if re.search(rf"(?<![0-9A-Za-z]){re.escape(stem)}(?![0-9A-Za-z])", name)]
    return max(inside, key=lambda stem: (len(stem), stem), default=None)
