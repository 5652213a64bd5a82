"""The viewer as one HTML file: library, body, dances and songs inside, nothing fetched.

Blocks of the page, each a `<script>` that is no script, by id: `setup`, JSON with `live` and `takes`; `three`,
three.js, gzip in base64; `body` and one block a take, packs in base64 (see `pack`); one block a song, MP3 in base64.

A take in `setup` has what `pack.describe_take` says, `key` (the id of its block), `name` (what a list shows), and
`song`: null, or `key`, `name`, `duration` (seconds that the longest of its takes needs) and what
`song.EncodedSong.describe` says.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from infinitedance_cli.errors import StageFailed
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.render.config import RenderConfig
from infinitedance_cli.stages.render.soundtrack import Soundtrack, find_soundtrack
from infinitedance_cli.stages.render.viewer.pack import describe_take, pack_body, pack_take
from infinitedance_cli.stages.render.viewer.song import encode_song
from infinitedance_cli.stream.files import NewFile, check_new_file, clear_failure

logger = logging.getLogger(__name__)

_SCRIPTS = ("data", "clock", "song", "dancer", "stage", "timeline", "sources", "player", "controls", "main")
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; media-src blob:; "
    "base-uri 'none'; form-action 'none'"
)


def write_page(
    clips: Iterable[MotionClip],
    destination: Path,
    config: RenderConfig,
    folders: Sequence[Path] = (),
    *,
    force: bool = False,
) -> int:
    """Writes one page with all clips to switch between; returns how many.

    Of `config` only the music counts. A clip whose song is not found (see `find_soundtrack`, also for `folders`) plays
    without sound; the log says so. The file appears when it is complete.
    Raises UsageError when `destination` cannot be made or exists and `force` is not given; BadInput when a clip's
    joints are not SMPL-X's or a song is damaged; StageFailed when there are no clips or writing fails.
    """
    check_new_file(destination, force=force)
    blocks: dict[str, bytes] = {}
    entries: list[dict[str, Any]] = []
    songs = _Songs(blocks)
    for number, clip in enumerate(clips):
        key = f"take{number}"
        blocks[key] = pack_take(clip)
        entries.append({**describe_take(clip), "key": key, "name": clip.clip_id})
        songs.want(entries[-1], find_soundtrack(clip, config, folders), clip.duration_s)
    if not entries:
        raise StageFailed(f"{destination}: there were no clips to show; nothing was written")
    count = songs.encode()
    title = ", ".join(entry["id"] for entry in entries[:3])
    text = build_page({"live": False, "takes": entries}, blocks, title)
    with NewFile(destination) as new:
        with clear_failure(destination):
            new.file.write(text.encode())
        new.finish(destination)
    takes = f"{len(entries)} take{'s' if len(entries) > 1 else ''}"
    logger.info("wrote %s (%s, %.1f MB%s)", destination, takes, len(text) / 1e6, "" if count else ", no song")
    return len(entries)


class _Songs:
    """The songs of a page: takes that begin at the same moment of a song share it, as long as the longest needs it."""

    def __init__(self, blocks: dict[str, bytes]) -> None:
        self._blocks = blocks
        self._durations: dict[Soundtrack, float] = {}
        self._wanted: list[tuple[dict[str, Any], Soundtrack | None]] = []

    def want(self, entry: dict[str, Any], track: Soundtrack | None, duration_s: float) -> None:
        """Notes what a take needs."""
        self._wanted.append((entry, track))
        if track is not None:
            self._durations[track] = max(self._durations.get(track, 0.0), duration_s)

    def encode(self) -> int:
        """Adds a block a song, gives each entry its `song`; returns how many songs there are."""
        songs = {}
        for number, (track, duration_s) in enumerate(self._durations.items()):
            song, key = encode_song(track, duration_s), f"song{number}"
            self._blocks[key] = song.data
            songs[track] = {"key": key, "name": track.path.name, "duration": duration_s, **song.describe()}
        for entry, wanted in self._wanted:
            entry["song"] = songs[wanted] if wanted is not None else None
        return len(songs)


def build_page(setup: Mapping[str, Any], blocks: Mapping[str, bytes], title: str) -> str:
    """The page's text, with `blocks` by id beside library and body. A live page may fetch from its server."""
    policy = _POLICY + ("; connect-src 'self'" if setup["live"] else "")
    encoded = {"three": _library(), "body": pack_body(), **blocks}
    parts = [f'<script type="application/json" id="setup">{_script_safe_json(setup)}</script>']
    for key, data in encoded.items():
        parts.append(f'<script type="text/plain" id="{key}">{base64.b64encode(data).decode()}</script>')
    code = "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)
    return Template(_asset("page.html")).substitute(
        policy=html.escape(policy, quote=False),
        title=html.escape(title),
        licences=_asset("NOTICE.txt").strip() + "\n\n" + _asset("three.LICENSE.txt").strip(),
        style=_asset("style.css").strip(),
        blocks="\n".join(parts),
        script=f'"use strict";\n(() => {{\n{code.strip()}\n}})();',
    )


@lru_cache
def _library() -> bytes:
    return gzip.compress(_asset("three.min.js").encode(), compresslevel=9, mtime=0)


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def _script_safe_json(value: Any) -> str:
    """JSON that no HTML parser takes for markup."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
