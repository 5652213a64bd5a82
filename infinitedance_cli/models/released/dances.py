"""The dances of the release that references and openings are taken from.

Names are "clip@start_end": frames [start, end) of the clip's 264-d features at 30 fps. Only what is used of a clip is
read from its file.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from infinitedance_cli.errors import BadInput, MissingResource
from infinitedance_cli.models.choreographer_release import STYLES
from infinitedance_cli.models.released.arrays import open_array

_log = logging.getLogger(__name__)

FORMAT = "idance-released-dances"
FRAMES_PER_STEP = 4
_NAME = re.compile(r"^(?P<clip>.+)@(?P<start>\d+)_(?P<end>\d+)$")
_TOKEN_GRID_FRAMES, _TOKEN_GRID_STEPS, _OPENING_STEPS = 96, 24, 40
_CODE_OFFSET = 4096


@dataclass(frozen=True)
class Segment:
    """Frames [start, end) of a clip."""

    clip: str
    start: int
    end: int

    @classmethod
    def named(cls, name: str) -> Segment:
        """What "clip@start_end" says. Raises BadInput on another form."""
        match = _NAME.match(name)
        if match is None:
            raise BadInput(f"the indexed dance {name!r} is not named clip@start_end")
        return cls(match["clip"], int(match["start"]), int(match["end"]))


@dataclass(frozen=True)
class ReleasedDances:
    """Dances by embedding: `names` (N), unit `embeddings` (N, E), `styles` (N,) index into STYLES or -1 for unknown.

    `features` and `tokens` are the folders of the clips' files, `mean` and `deviation` (264,) what references are
    normalised by.
    """

    names: tuple[str, ...]
    embeddings: NDArray[np.float32]
    styles: NDArray[np.int8]
    features: Path
    tokens: Path
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    @cached_property
    def known_styles(self) -> tuple[int, ...]:
        """Styles that have a dance."""
        return tuple(int(style) for style in np.unique(self.styles) if style >= 0)

    def search(self, query: NDArray[np.floating], style: int, count: int) -> list[str]:
        """Names of the dances of a style whose embeddings go best with `query` (E,), best first; of all where the
        styles of the dances are not known.

        Raises:
            MissingResource: there is no dance of that style.
        """
        among = np.flatnonzero(self.styles == style) if self.known_styles else np.arange(len(self.names))
        if not len(among):
            known = ", ".join(STYLES[known].lower() for known in self.known_styles)
            raise MissingResource(
                f"the released dances have none of the style {STYLES[style].lower()}; they have {known}"
            )
        likeness = self.embeddings[among] @ query
        return [self.names[among[place]] for place in np.argsort(-likeness, kind="stable")[:count]]

    def reference(self, names: Sequence[str], count: int, frames: int) -> NDArray[np.float32]:
        """Weighted sum (frames, 264) of the z-scored segments of the first `count` names, weights falling linearly.

        Segments without a file, or shorter than `frames`, are left out.

        Raises:
            MissingResource: none is left.
            BadInput: a file is damaged or holds other features.
        """
        parts = [self._features(name, frames) for name in names[:count]]
        found = [part for part in parts if not isinstance(part, str)]
        if not found:
            raise MissingResource(
                f"{self.features}: holds none of the {len(parts)} retrieved dances whole "
                f"({', '.join(map(str, parts[:2]))} …); unpack the release's motion features there"
            )
        weights = np.arange(len(found), 0, -1, dtype=np.float64)
        stacked = (np.stack(found).astype(np.float64) - self.mean) / self.deviation
        return np.tensordot(weights / weights.sum(), stacked, 1).astype(np.float32)

    def opening(self, names: Sequence[str], steps: int) -> NDArray[np.int64] | None:
        """First `steps` steps of codes (steps, 3) of the first name whose codes are there; None without any."""
        for name in names:
            segment = Segment.named(name)
            path = self.tokens / f"{segment.clip}.npy"
            if not path.is_file():
                continue
            first = round(segment.start / _TOKEN_GRID_FRAMES) * _TOKEN_GRID_STEPS
            codes = codes_of_tokens(open_array(path), str(path))[first : first + _OPENING_STEPS]
            if len(codes) == _OPENING_STEPS:
                return codes[:steps]
        return None

    def require_clips(self) -> None:
        """Say once, before anything is generated, which dances have no clip.

        Raises:
            MissingResource: none has.
        """
        there = {path.stem for path in self.features.glob("*.npy")}
        clips = {Segment.named(name).clip for name in self.names}
        absent = sorted(clips - there)
        if len(absent) == len(clips):
            raise MissingResource(
                f"{self.features}: holds none of the {len(clips)} clips of the indexed dances, such as "
                f"{', '.join(f'{clip}.npy' for clip in absent[:2])}; unpack the release's motion features there"
            )
        if absent:
            _log.warning(
                "%s: %d of the %d clips of the indexed dances are missing, such as %s.npy; they cannot be references",
                self.features,
                len(absent),
                len(clips),
                absent[0],
            )

    def _features(self, name: str, frames: int) -> NDArray[np.floating] | str:
        """Features (frames, 264) of the beginning of a segment, or in words why it is left out."""
        segment = Segment.named(name)
        path = self.features / f"{segment.clip}.npy"
        if not path.is_file():
            return f"{path.name} is missing"
        clip = open_array(path)
        if clip.ndim != 2 or clip.shape[1] != len(self.mean):
            raise BadInput(f"{path}: features {clip.shape}; expected (frames, {len(self.mean)})")
        part = clip[segment.start : segment.end]
        if not len(part) == segment.end - segment.start >= frames:
            return f"{path.name} has {len(clip)} frames for {segment.start} to {segment.end}"
        if not np.isfinite(part[:frames]).all():
            raise BadInput(f"{path}: holds values that are not finite; unpack the release's motion features again")
        return part[:frames]

    def save(self, path: Path) -> None:
        """Write everything but the clips' own files to a safetensors file."""
        tensors: dict[str, NDArray[Any]] = {
            "embeddings": self.embeddings,
            "styles": self.styles,
            "mean": self.mean,
            "deviation": self.deviation,
        }
        header = {"names": self.names, "features": str(self.features), "tokens": str(self.tokens)}
        save_file(tensors, path, {FORMAT: json.dumps(header)})


def load_dances(path: Path) -> ReleasedDances:
    """What `ReleasedDances.save` wrote. Raises BadInput on another file."""
    try:
        with safe_open(path, "numpy") as file:
            header = json.loads((file.metadata() or {})[FORMAT])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise BadInput(f"{path}: not the dances of the release as `idance models add` writes them") from error
    return ReleasedDances(
        names=tuple(header["names"]),
        features=Path(header["features"]),
        tokens=Path(header["tokens"]),
        **tensors,
    )


def styles_of(names: Sequence[str], style_map: Path | None) -> NDArray[np.int8]:
    """Style numbers (N,) of named dances: from a JSON map of clips to styles, else the style that a name begins with;
    -1 where neither tells.

    Raises:
        BadInput: the map cannot be read.
    """
    known: Mapping[str, Any] = {}
    if style_map is not None:
        try:
            known = json.loads(style_map.read_text())
            known = {clip: str(style) for clip, style in known.items()}
        except (OSError, ValueError, AttributeError) as error:
            raise BadInput(f"{style_map}: expected a JSON map of clips to styles ({error})") from error
    return np.array([_style_of(Segment.named(name).clip, known) for name in names], np.int8)


def _style_of(clip: str, known: Mapping[str, str]) -> int:
    if known.get(clip) in STYLES:
        return STYLES.index(known[clip])
    return next((number for number, style in enumerate(STYLES) if clip.lower().startswith(style.lower())), -1)


def codes_of_tokens(tokens: NDArray[np.integer], source: str) -> NDArray[np.int64]:
    """Codes (S, 3) of the release's flat tokens: three layers of 512 in turn, from 4096 on, or not offset at all.

    Raises:
        BadInput: a token is no code of its layer; the message names `source`.
    """
    flat = np.asarray(tokens).reshape(-1)
    if not np.issubdtype(flat.dtype, np.integer):
        raise BadInput(f"{source}: holds {flat.dtype} values; expected tokens, which are whole numbers")
    codes = flat[: len(flat) - len(flat) % 3].reshape(-1, 3).astype(np.int64)
    if len(codes) and codes[0, 0] >= _CODE_OFFSET:
        codes = codes - _CODE_OFFSET - 512 * np.arange(3)
    if len(codes) and (codes.min() < 0 or codes.max() > 511):
        raise BadInput(f"{source}: holds tokens that are no codes of their layer; expected 4096 + 512·layer + 0 … 511")
    return codes


def tokens_of_codes(codes: NDArray[np.integer]) -> NDArray[np.int64]:
    """The release's flat tokens (3 S,) of codes (S, 3)."""
    return (codes.astype(np.int64) + _CODE_OFFSET + 512 * np.arange(3)).reshape(-1)
