"""The takes of a folder as they arrive: files that are whole are listed, others are tried again."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.resample import require_smplx_joints
from infinitedance_cli.stages.render.config import RenderConfig
from infinitedance_cli.stages.render.soundtrack import Soundtrack, find_soundtrack
from infinitedance_cli.stages.render.viewer.pack import describe_take, pack_take
from infinitedance_cli.stages.render.viewer.song import EncodedSong, encode_song
from infinitedance_cli.stream.dispatch import readable_extensions, split_extension
from infinitedance_cli.stream.ports import read_file

logger = logging.getLogger(__name__)

_PACKS_KEPT = 16


@dataclass(frozen=True)
class _Version:
    """One state of one file."""

    path: Path
    size: int
    changed_ns: int


@dataclass(frozen=True)
class _Song:
    track: Soundtrack
    duration_s: float

    @property
    def key(self) -> str:
        return _key(self.track.path, self.track.start, self.duration_s)


@dataclass(frozen=True)
class _Take:
    version: _Version
    number: int
    song: _Song | None
    entry: dict[str, Any]


class TakeFolder:
    """What a folder holds at the moment; `scan` looks again.

    `version` counts the changes of `entries`, which list the takes as `page` describes them, except that `song` has
    only `key`, `name` and `duration`. Scanning and asking may happen in different threads.
    """

    def __init__(self, folder: Path, config: RenderConfig) -> None:
        self.version = 0
        self._folder = folder
        self._config = config
        self._takes: dict[str, _Take] = {}
        self._read: dict[Path, tuple[_Version, list[_Take]]] = {}
        self._refused: dict[Path, tuple[_Version, bool]] = {}
        self._pack = lru_cache(maxsize=_PACKS_KEPT)(self._pack_of)

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The takes, by file name."""
        return [take.entry for take in self._takes.values()]

    def scan(self) -> None:
        """Reads what is new or changed and forgets what is gone; takes appear one file after the other."""
        present = self._present()
        gone = self._read.keys() - present.keys()
        for path in gone:
            del self._read[path]
        if gone:
            self._publish()
        for path, version in present.items():
            if path not in self._read or self._read[path][0] != version:
                self._try(version)

    def pack(self, key: str) -> bytes:
        """The pack of a take. Raises KeyError when there is none of this key, BadInput when its file has changed."""
        return self._pack(self._takes[key].version, self._takes[key].number)

    def song(self, key: str) -> EncodedSong:
        """The song of that key. Raises KeyError when no take has it, BadInput when it cannot be decoded."""
        for take in self._takes.values():
            if take.song is not None and take.song.key == key:
                return encode_song(take.song.track, take.song.duration_s)
        raise KeyError(key)

    def _present(self) -> dict[Path, _Version]:
        endings = readable_extensions()
        found = {}
        for path in sorted(self._folder.iterdir()):
            if path.name.startswith(".") or not path.name.lower().endswith(endings):
                continue
            try:
                status = path.stat()
            except FileNotFoundError:
                continue  # renamed since the folder was listed
            if path.is_file() and status.st_size:
                found[path] = _Version(path, status.st_size, status.st_mtime_ns)
        return found

    def _try(self, version: _Version) -> None:
        """Reads one file. One that cannot be read may be half-written: it is tried again, and named if it stays so."""
        refused, told = self._refused.get(version.path, (None, False))
        if refused == version and told:
            return
        try:
            takes = [self._take(version, number, clip) for number, clip in enumerate(read_file(version.path))]
        except (BadInput, UsageError, OSError) as error:
            if refused == version:
                logger.warning("%s", error)
            self._refused[version.path] = (version, refused == version)
            return
        self._refused.pop(version.path, None)
        for take in takes if len(takes) > 1 else ():
            take.entry["name"] += f" {take.number}"
        self._read[version.path] = (version, takes)
        self._publish()
        logger.info("%s: %d take%s", version.path.name, len(takes), "" if len(takes) == 1 else "s")

    def _take(self, version: _Version, number: int, clip: MotionClip) -> _Take:
        require_smplx_joints(clip)
        song = self._song_of(clip)
        entry = {
            **describe_take(clip),
            "key": _key(version, number),
            "name": split_extension(version.path)[0],
            "song": song and {"key": song.key, "name": song.track.path.name, "duration": song.duration_s},
        }
        return _Take(version, number, song, entry)

    def _song_of(self, clip: MotionClip) -> _Song | None:
        try:
            track = find_soundtrack(clip, self._config, [self._folder])
        except BadInput as error:
            logger.warning("%s: shown without its song: %s", clip.clip_id, error)
            return None
        return None if track is None else _Song(track, clip.duration_s)

    def _publish(self) -> None:
        takes = [take for path in sorted(self._read) for take in self._read[path][1]]
        self._takes = {take.entry["key"]: take for take in takes}
        self.version += 1

    def _pack_of(self, version: _Version, number: int) -> bytes:
        for index, clip in enumerate(read_file(version.path)):
            if index == number:
                return pack_take(clip)
        raise BadInput(f"{version.path}: has no clip {number + 1} any more; it was written anew")


def _key(*parts: object) -> str:
    """A name for an address: says nothing of the file system, and is new when what it names changes."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]
