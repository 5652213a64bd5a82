"""The retrieval index: windows of dance found by music, with the codes, genre and source of each.

A small index is one file, held in memory and searched exactly (`file`). A large one is a folder that grows (`folder`):
segments that never change, mapped into memory, and a manifest that names those that count (`manifest`).
"""

from infinitedance_cli.models.dance_index.base import DanceIndex, Hit, IndexedClip, source_of
from infinitedance_cli.models.dance_index.file import build_index, save_index
from infinitedance_cli.models.dance_index.opening import load_index

__all__ = ["DanceIndex", "Hit", "IndexedClip", "build_index", "load_index", "save_index", "source_of"]
