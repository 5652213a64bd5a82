"""The viewer as one HTML file: library, body, dances and songs inside, nothing fetched.

Blocks of the page, each a `<script>` that is no script, by id: `setup`, JSON with `live` and `takes`; `three`, three.js,
gzip in base64; `body` and one block a take, packs in base64 (see `pack`); one block a song, MP3 in base64.

A take in `setup` has what `pack.describe_take` says, `key` (the id of its block), `name` (what a list shows), and `song`:
null, or `key`, `name`, `duration` (seconds that the longest of its takes needs) and what `Soundtrack.describe` says.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from infinitedance_cli.errors import StageFailed
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.render.viewer.excerpt import SongExcerpt, find_song
from infinitedance_cli.stages.render.viewer.pack import describe_take, pack_body, pack_take
from infinitedance_cli.stages.render.viewer.soundtrack import encode_soundtrack
from infinitedance_cli.stream.files import NewFile, check_new_file

logger = logging.getLogger(__name__)

_SCRIPTS = ("data", "clock", "song", "dancer", "stage", "timeline", "sources", "player", "controls", "main")
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; media-src blob:; "
    "base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True)
class PageOptions:
    """`song`: the sound of all clips, instead of what each names; `title` of the page, else the clips' names."""

    song: Path | None = None
    title: str = ""


def write_page(
    clips: Iterable[MotionClip], destination: Path, options: PageOptions | None = None, *, force: bool = False
) -> int:
    """Writes one page with all clips to switch between; returns how many.

    A clip whose song is not found plays without sound; the log says so. The file appears when it is complete.
    Raises UsageError when `destination` cannot be made or exists and `force` is not given; BadInput when a clip's
    joints are not SMPL-X's or a song is damaged; StageFailed when there are no clips or writing fails.
    """
    options = options or PageOptions()
    check_new_file(destination, force=force)
    blocks: dict[str, bytes] = {}
    entries: list[dict[str, Any]] = []
    excerpts: list[SongExcerpt | None] = []
    for number, clip in enumerate(clips):
        key = f"take{number}"
        blocks[key] = pack_take(clip)
        entries.append({**describe_take(clip), "key": key, "name": clip.clip_id})
        excerpts.append(find_song(clip, options.song))
    if not entries:
        raise StageFailed(f"{destination}: there were no clips to show; nothing was written")
    _add_songs(entries, excerpts, blocks)
    title = options.title or ", ".join(entry["id"] for entry in entries[:3])
    text = build_page({"live": False, "takes": entries}, blocks, title)
    with NewFile(destination) as new:
        new.file.write(text.encode())
        new.finish(destination)
    songs = {entry["song"]["key"] for entry in entries if entry["song"]}
    what = "no song" if not songs else f"{len(songs)} song{'s' if len(songs) > 1 else ''}"
    logger.info("wrote %s (%d take%s, %s)", destination, len(entries), "s" if len(entries) > 1 else "", what)
    return len(entries)


def build_page(setup: Mapping[str, Any], blocks: Mapping[str, bytes], title: str) -> str:
    """The page's text. `blocks` by id, beside those of the library and the body; a live page may fetch from its server."""
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


def _add_songs(entries: list[dict[str, Any]], excerpts: list[SongExcerpt | None], blocks: dict[str, bytes]) -> None:
    """Gives each entry its `song`; takes that begin at the same moment of a song share it."""
    longest: dict[tuple[Path, float], float] = {}
    for excerpt in filter(None, excerpts):
        longest[excerpt.place] = max(longest.get(excerpt.place, 0.0), excerpt.duration_s)
    songs: dict[tuple[Path, float], dict[str, Any]] = {}
    for number, (place, duration_s) in enumerate(longest.items()):
        track = encode_soundtrack(*place, duration_s)
        key = f"song{number}"
        blocks[key] = track.data
        songs[place] = {"key": key, "name": place[0].name, "duration": duration_s, **track.describe()}
    for entry, excerpt in zip(entries, excerpts, strict=True):
        entry["song"] = None if excerpt is None else songs[excerpt.place]


@lru_cache
def _library() -> bytes:
    return gzip.compress(_asset("three.min.js").encode(), compresslevel=9, mtime=0)


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def _script_safe_json(value: Any) -> str:
    """JSON that no HTML parser takes for markup."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
