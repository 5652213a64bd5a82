"""The text of BVH files: joint tree, channels and motion table, with line numbers for errors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput

CHANNELS = ("xposition", "yposition", "zposition", "xrotation", "yrotation", "zrotation")
"""Kinds of channels by their index: three positions, three rotations."""
_SEPARATORS = re.compile(r"[\s,;]+")


class Channel(NamedTuple):
    """One column of the motion table: the joint that it drives and which of the six channels it is."""

    joint: int
    kind: int


@dataclass(frozen=True)
class BvhFile:
    """A parsed file: J joints (End Sites too), C channels in file order, `values` (T, C) in file units and degrees."""

    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: NDArray[np.floating]
    ends: frozenset[int]
    channels: tuple[Channel, ...]
    values: NDArray[np.floating]
    frame_time: float


class _Lines:
    """The header's lines, split into words, with the line number of the latest for messages."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.lines = text.splitlines()
        self.number = 0

    def next(self) -> list[str]:
        """The words of the next line that is not blank."""
        while self.number < len(self.lines):
            words = [word for word in _SEPARATORS.split(self.lines[self.number].strip()) if word]
            self.number += 1
            if words:
                return words
        raise self.error("the file ends too early")

    def error(self, found: str) -> BadInput:
        """A one-line error that names file and line."""
        return BadInput(f"{self.name}, line {self.number}: {found}; expected a BVH file")


class _Hierarchy:
    """The joint tree as it is read."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.parents: list[int] = []
        self.offsets: list[list[float]] = []
        self.ends: set[int] = set()
        self.channels: list[Channel] = []

    def add(self, name: str, parent: int, is_end: bool) -> int:
        """Append a joint and return its index; a repeated name gets a number."""
        unique, count = name, 2
        while unique in self.names:
            unique, count = f"{name}_{count}", count + 1
        self.names.append(unique)
        self.parents.append(parent)
        self.offsets.append([0.0, 0.0, 0.0])
        if is_end:
            self.ends.add(len(self.names) - 1)
        return len(self.names) - 1


def _numbers(lines: _Lines, words: list[str]) -> list[float]:
    try:
        return [float(word) for word in words]
    except ValueError:
        raise lines.error(f"{' '.join(words)[:60]!r} is not a row of numbers") from None


def _read_channels(lines: _Lines, words: list[str], joint: int) -> list[Channel]:
    kinds = [word.lower() for word in words[2:]]
    if len(words) < 2 or not words[1].isdigit() or len(kinds) != int(words[1]):
        raise lines.error(f"{' '.join(words)!r} does not name as many channels as it counts")
    unknown = [word for word, kind in zip(words[2:], kinds, strict=True) if kind not in CHANNELS]
    if unknown:
        raise lines.error(f"channel {unknown[0]!r} is unknown (known: Xposition … Zrotation)")
    return [Channel(joint, CHANNELS.index(kind)) for kind in kinds]


def _read_hierarchy(lines: _Lines) -> _Hierarchy:
    """Everything between HIERARCHY and MOTION."""
    tree = _Hierarchy()
    stack: list[int] = []
    if lines.next()[0].upper() != "HIERARCHY":
        raise lines.error("the first word is not HIERARCHY")
    while True:
        words = lines.next()
        key = words[0].upper()
        if key in ("ROOT", "JOINT", "END"):
            if key == "ROOT" and tree.names:
                raise lines.error("a second ROOT: one skeleton a file is read")
            if (key != "ROOT") and not stack:
                raise lines.error(f"{key} outside of a joint")
            parent = stack[-1] if stack else -1
            name = f"{tree.names[parent]}_end" if key == "END" else "_".join(words[1:]) or f"joint{len(tree.names)}"
            stack.append(tree.add(name.rstrip("{"), parent, key == "END"))
        elif key == "{":
            continue
        elif key == "}":
            if not stack:
                raise lines.error("a closing brace too many")
            stack.pop()
        elif key == "OFFSET" and stack and len(words) == 4:
            tree.offsets[stack[-1]] = _numbers(lines, words[1:])
        elif key == "CHANNELS" and stack:
            tree.channels += _read_channels(lines, words, stack[-1])
        elif key == "MOTION" and not stack and tree.names:
            return tree
        else:
            raise lines.error(f"{' '.join(words)[:60]!r} does not belong here")


def _read_values(lines: _Lines, channel_count: int) -> tuple[NDArray[np.floating], float]:
    """The motion table (T, C) and the frame time in seconds."""
    words = lines.next()
    if words[0].rstrip(":").lower() != "frames" or not words[-1].isdigit():
        raise lines.error(f"{' '.join(words)[:60]!r} is not the line 'Frames: N'")
    frames = int(words[-1])
    words = lines.next()
    if words[0].lower() != "frame":
        raise lines.error(f"{' '.join(words)[:60]!r} is not the line 'Frame Time: seconds'")
    frame_time = _numbers(lines, words[-1:])[0]
    if not (np.isfinite(frame_time) and frame_time > 0):
        raise lines.error(f"Frame Time is {words[-1]}, not a positive number of seconds")
    body = _SEPARATORS.sub(" ", "\n".join(lines.lines[lines.number :])).strip()
    try:
        values = np.array(body.split(" "), dtype=np.float64) if body else np.zeros(0)
    except ValueError:
        raise _first_bad_row(lines, channel_count) from None
    if frames == 0 or values.size != frames * channel_count:
        if channel_count and values.size % channel_count == 0 and values.size > frames * channel_count > 0:
            values = values[: frames * channel_count]  # some exporters write one row more than they count
        else:
            raise _first_bad_row(lines, channel_count, frames)
    return values.reshape(frames, channel_count), frame_time


def _first_bad_row(lines: _Lines, channel_count: int, frames: int = 0) -> BadInput:
    """The error for the first motion row that is not `channel_count` numbers."""
    rows = 0
    for number in range(lines.number, len(lines.lines)):
        words = [word for word in _SEPARATORS.split(lines.lines[number].strip()) if word]
        if not words:
            continue
        lines.number = number + 1
        _numbers(lines, words)
        if len(words) != channel_count:
            return lines.error(f"{len(words)} values in a motion row of {channel_count} channels")
        rows += 1
    return lines.error(f"{rows} motion rows where the file promises {frames}")


def parse(text: str, name: str = "bvh") -> BvhFile:
    """Parse the text of a BVH file; raises BadInput with the line number when it is not one."""
    lines = _Lines(name, text.lstrip("\ufeff"))
    tree = _read_hierarchy(lines)
    values, frame_time = _read_values(lines, len(tree.channels))
    return BvhFile(
        tuple(tree.names),
        tuple(tree.parents),
        np.asarray(tree.offsets, dtype=np.float64),
        frozenset(tree.ends),
        tuple(tree.channels),
        values,
        frame_time,
    )
