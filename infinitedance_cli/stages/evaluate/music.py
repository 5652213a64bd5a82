"""The beats of a dance's music: from its clip, a song, a file of beats, or a folder of these."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._npy import read_floats
from infinitedance_cli.motion.songs import named_like
from infinitedance_cli.stages.evaluate.dances import Dance
from infinitedance_cli.stages.evaluate.figures import Beats

logger = logging.getLogger(__name__)

# Music features of other programs: columns, the one that marks beats, and frames a second.
_FEATURE_COLUMNS = {55: 53, 35: 34}
_FEATURE_FPS, _BAILANDO_FPS = 30.0, 60.0


def beat_source(music: str) -> Callable[[Dance], Beats | None]:
    """What tells the beats of each dance: `music` is a file, a folder, or "" for those that clips carry.

    In a folder the file counts whose name is the dance's, else the longest whose name stands in the dance's as a whole
    word (`mBR0.wav` for `gBR_sBM_cAll_d04_mBR0_ch01`). Files are songs, `.txt` (one beat a line, seconds), `.npy`
    (music features of 55 or 35 columns at 30 fps, or beats in seconds) or Bailando's `.json` (60 fps).
    Raises BadInput when the file or folder is missing or of no use.
    """
    if not music:
        return _beats_of_clip
    path = Path(music)
    if not path.exists():
        raise BadInput(f"{path}: no such file or folder; expected music, beats, or a folder of these")
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
        if not files:
            raise BadInput(f"{path}: the folder is empty; expected music or beats named as the dances")
        return _Folder(path, files).beats
    beats = read_beats(path)
    return lambda dance: beats


class _Folder:
    """Files by name, each read once; beats are small."""

    def __init__(self, path: Path, files: list[Path]) -> None:
        self._path = path
        self._files = {file.name.split(".")[0]: file for file in reversed(files)}
        self._read: dict[Path, Beats] = {}

    def beats(self, dance: Dance) -> Beats | None:
        """Beats of the file that belongs to the dance; those of its clip where there is none."""
        stem = named_like(list(self._files), dance.name)
        if stem is None:
            logger.warning("%s: no file in %s has its name", dance.name, self._path)
            return _beats_of_clip(dance)
        file = self._files[stem]
        if file not in self._read:
            self._read[file] = read_beats(file)
        return self._read[file]


def _beats_of_clip(dance: Dance) -> Beats | None:
    music = None if dance.clip is None else dance.clip.music
    if music is None or len(music.beats) == 0:
        return None
    return Beats(music.beats, "clip")


def read_beats(path: Path) -> Beats:
    """Beats of one file. Raises BadInput when there are none in it or it is no music."""
    ending = path.suffix.lower()
    if ending == ".txt":
        found, source = _from_text(path), "beats"
    elif ending == ".npy":
        found, source = _from_features(path)
    elif ending == ".json":
        found, source = _from_bailando(path), "music_array, column 53"
    else:
        # The decoder and the tracker take a second to import.
        from infinitedance_cli.music.song import analyse_song

        found, source = analyse_song(str(path)).rhythm.beats, "tracked by idance"
    if len(found) == 0:
        logger.warning("%s: no beat was found in it; beat figures are undefined", path)
    return Beats(np.asarray(found, np.float64), f"{path.name}: {source}")


def _from_text(path: Path) -> NDArray[np.float64]:
    try:
        values = [float(line.split()[0]) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (ValueError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {error}; expected one beat a line, in seconds") from error
    return _increasing(path, np.array(values))


def _from_features(path: Path) -> tuple[NDArray[np.float64], str]:
    values = read_floats(path, "music features (T, 55 or 35), or beats (B,) in seconds")
    if values.ndim == 1:
        return _increasing(path, values), "beats"
    if values.ndim != 2 or values.shape[1] not in _FEATURE_COLUMNS:
        raise BadInput(f"{path}: has shape {values.shape}; expected music features (T, 55 or 35) or beats (B,)")
    column = _FEATURE_COLUMNS[values.shape[1]]
    return np.flatnonzero(values[:, column]) / _FEATURE_FPS, f"column {column} of {values.shape[1]}"


def _from_bailando(path: Path) -> NDArray[np.float64]:
    expected = "expected Bailando's music, a 'music_array' of 54 or more columns"
    try:
        values = np.asarray(json.loads(path.read_text(encoding="utf-8"))["music_array"], dtype=np.float64)
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path}: {error}; {expected}") from error
    if values.ndim != 2 or values.shape[1] < 54:
        raise BadInput(f"{path}: music_array has shape {values.shape}; {expected}")
    return np.flatnonzero(values[:, 53]) / _BAILANDO_FPS


def _increasing(path: Path, values: NDArray[np.float64]) -> NDArray[np.float64]:
    if not np.isfinite(values).all() or (values < 0).any():
        raise BadInput(f"{path}: a beat is negative or not finite; expected seconds from the dance's first frame")
    return np.unique(values)
