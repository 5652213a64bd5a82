"""Reads every clip of a data set and says which are damaged."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infinitedance_cli.errors import BadInput
from infinitedance_cli.stream.codec import decode
from infinitedance_cli.stream.dispatch import format_for_reading
from infinitedance_cli.stream.framing import read_images
from infinitedance_cli.stream.ports import PIPE, check_inputs, read_file
from infinitedance_cli.stream.shards import ShardFolder


@dataclass(frozen=True)
class Checked:
    """One clip: its name where that could be read, where it lies, and what is wrong with it ("" when nothing is)."""

    clip_id: str
    where: str
    problem: str = ""


def verify(inputs: Sequence[str]) -> Iterator[Checked]:
    """Every clip of all inputs, opened and decoded; those of shards also compared with their hashes and the index.

    A file that cannot be read to its end yields one problem and is left there. Inputs are checked at the call.
    """
    check_inputs(inputs)
    return (checked for name in inputs for checked in _verify(name))


def _verify(name: str) -> Iterator[Checked]:
    if name != PIPE and Path(name).is_dir():
        yield from _verify_shards(Path(name))
    elif name == PIPE:
        yield from _verify_images(read_images(sys.stdin.buffer, "standard input"), "standard input")
    elif format_for_reading(Path(name)).holds_many:
        with open(name, "rb") as file:
            yield from _verify_images(read_images(file, name), name)
    else:
        try:
            for clip in read_file(Path(name)):
                yield Checked(clip.clip_id, name)
        except BadInput as error:
            yield Checked("", name, str(error))


def _verify_images(images: Iterator[tuple[str, bytes]], name: str) -> Iterator[Checked]:
    while True:
        try:
            found = next(images, None)
        except BadInput as error:
            yield Checked("", name, str(error))
            return
        if found is None:
            return
        where, image = found
        try:
            yield Checked(decode(image, where).clip_id, where)
        except BadInput as error:
            yield Checked("", where, str(error))


def _verify_shards(path: Path) -> Iterator[Checked]:
    try:
        folder = ShardFolder(path)
    except BadInput as error:
        yield Checked("", str(path), str(error))
        return
    for number in range(len(folder)):
        where = folder.name(number)
        name = ""
        try:
            if not folder.index.is_whole(number):
                raise BadInput(f"{where}: the index says something else of it than was written")
            name = folder.index.entry(number).facts.clip_id
            found = folder.read(number).clip_id
            if found != name:
                raise BadInput(f"{where}: it is called {found!r}; the index says {name!r}")
        except BadInput as error:
            yield Checked(name, where, str(error))
        else:
            yield Checked(name, where)
