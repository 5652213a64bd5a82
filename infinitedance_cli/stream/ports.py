"""Where clips come from and go to: paths, and `-` for the streams of a pipe."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from infinitedance_cli import remote
from infinitedance_cli.errors import BadInput, StageFailed, UsageError
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stream.codec import decode, encode
from infinitedance_cli.stream.dance_pieces import join_pieces
from infinitedance_cli.stream.dispatch import (
    MotionFormat,
    format_for_reading,
    format_for_writing,
    readable_extensions,
    split_extension,
)
from infinitedance_cli.stream.files import NewFile, check_new_file, clear_failure, refuse_existing, refuse_remote
from infinitedance_cli.stream.framing import read_images, write_image
from infinitedance_cli.stream.interrupts import deferred_interrupts
from infinitedance_cli.stream.shards import is_shard_folder, open_shards

logger = logging.getLogger(__name__)

OWN_FORMAT = "h5"
PIPE = "-"
"""Standard input as an input, standard output as an output."""


def read_stream(stream: BinaryIO, name: str) -> Iterator[MotionClip]:
    """The clips of a stream, seekable or not; one is held at a time. Raises BadInput as `framing` and `codec` do."""
    for where, image in read_images(stream, name):
        yield decode(image, where)


def write_stream(clips: Iterable[MotionClip | bytes], stream: BinaryIO, name: str) -> int:
    """Writes each clip, or image of one, as soon as it is there, and flushes; returns how many. Interrupts wait until a
    clip is whole.

    Raises StageFailed when writing fails; BrokenPipeError passes through when the reader left.
    """
    count = 0
    for clip in clips:
        image = clip if isinstance(clip, bytes) else encode(clip)
        with deferred_interrupts("clip") as interrupts, clear_failure(name):
            write_image(stream, image)
        interrupts.obey()
        count += 1
    return count


def check_inputs(inputs: Sequence[str]) -> None:
    """Fails early on inputs that cannot be read, before any work starts.

    Raises UsageError when there are none, `-` is given twice or is a terminal, or an ending is unknown; BadInput when
    a file is missing or not readable.
    """
    if not inputs:
        raise UsageError("no input was given; name motion files, or - for clips on standard input")
    if list(inputs).count(PIPE) > 1:
        raise UsageError("- (standard input) was given twice; it can be read once")
    for name in inputs:
        if name == PIPE:
            if sys.stdin.isatty():
                raise UsageError("standard input is a terminal; pipe clips into it, or name motion files")
            continue
        if is_shard_folder(name):
            continue
        if remote.is_remote(name):
            _check_remote(name)
            continue
        path = Path(name)
        if not path.exists():
            raise BadInput(f"{path}: no such file")
        if path.is_dir():
            raise BadInput(f"{path}: is a folder, and none of shards; name the motion files in it")
        if not os.access(path, os.R_OK):
            raise BadInput(f"{path}: cannot be read; check its permissions")
        format_for_reading(path)


def _check_remote(name: str) -> None:
    file = PurePosixPath(remote.last_part(name).lower())
    if file.suffix and not file.name.endswith(readable_extensions()):
        format_for_reading(Path(remote.last_part(name)))  # says which endings are known
    if not remote.is_file(name):
        raise BadInput(f"{name}: no such file, and no folder of shards; check the URL")


def read_clips(inputs: Sequence[str]) -> Iterator[MotionClip]:
    """The clips of all inputs in order: motion files of any format by their ending, folders of shards, either of them
    also at a URL, or `-` for a clip stream. Clips of a damaged shard are named in the log, left out and counted.

    Pieces of a dance come as the one clip that they are; `read_stream` gives them one by one, as they arrive.
    Inputs are checked at the call, read as the clips are asked for. Raises as `check_inputs`, and BadInput when the
    content is not what it claims to be.
    """
    check_inputs(inputs)
    return join_pieces(_read_each(inputs))


def _read_each(inputs: Sequence[str]) -> Iterator[MotionClip]:
    for name in inputs:
        if name == PIPE:
            yield from read_stream(sys.stdin.buffer, "standard input")
        elif is_shard_folder(name):
            yield from open_shards(name).clips()
        elif remote.is_remote(name):
            with remote.fetched(name) as path:
                yield from read_file(path)
        else:
            yield from read_file(Path(name))


def read_file(path: Path) -> Iterator[MotionClip]:
    """The clips of one file, by its format. Raises BadInput when it cannot be read."""
    form = format_for_reading(path)
    assert form.read is not None
    iterator = form.read(path)
    while True:
        try:
            clip = next(iterator, None)
        except OSError as error:
            raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from error
        if clip is None:
            return
        yield clip if clip.provenance or form.holds_many else _with_source(clip, path, form)


def _with_source(clip: MotionClip, path: Path, form: MotionFormat) -> MotionClip:
    """A clip of unknown making, with a record of the file that it was read from."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return clip.with_provenance("read", format=form.name, file=path.name, sha256=digest)


def check_output(output: str, *, force: bool = False, clips: int = 1) -> None:
    """Fails early on an output that cannot be written, before any work starts.

    `clips`: how many are expected, where that is known; each that will get a file of its own is checked.
    Raises UsageError when it exists and `force` is not given, has an ending that no format writes (lists those that
    can be written), lies in a folder that is missing or not writable, or is a terminal.
    """
    if output == PIPE:
        if sys.stdout.isatty():
            raise UsageError("clips are binary and standard output is a terminal; pipe it on, or give -o FILE")
        return
    refuse_remote(output)
    path = Path(output)
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file in it")
    form = format_for_writing(path)
    check_new_file(path, force=force)
    if clips > 1 and not form.holds_many:
        for number in range(clips):
            refuse_existing(_numbered(path, number), force=force)


def write_clips(clips: Iterable[MotionClip | bytes], output: str, *, force: bool = False) -> int:
    """Writes all clips, or images of clips, to a path or to `-`; returns how many.

    Pieces of a dance go to a pipe as they are, and as one clip to a path.
    `.h5` takes all clips in one file. Any other format takes one clip a file: `out.npz`, or `out_00.npz`, `out_01.npz`
    … when there are several. Files get their name when they are complete; an unfinished one is removed.
    Raises UsageError as `check_output`, StageFailed when there are no clips, the disk is full or writing fails;
    BrokenPipeError passes through when the reader left.
    """
    check_output(output, force=force)
    if output == PIPE:
        count = write_stream(clips, sys.stdout.buffer, "standard output")
    else:
        path, clips = Path(output), join_pieces(clips)
        form = format_for_writing(path)
        count = _write_one_file(clips, path, form) if form.holds_many else _write_files(clips, path, form, force)
    if count == 0:
        raise StageFailed(f"{output}: there were no clips to write; nothing was written")
    return count


def _write_one_file(clips: Iterable[MotionClip | bytes], path: Path, form: MotionFormat) -> int:
    count = 0
    with NewFile(path) as new:
        for clip in clips:
            _write_clip(form, clip, new)
            count += 1
        if count:
            new.finish(path)
    _tell(path, count)
    return count


def _write_files(clips: Iterable[MotionClip | bytes], path: Path, form: MotionFormat, force: bool) -> int:
    iterator = iter(clips)
    first = next(iterator, None)
    if first is None:
        return 0
    with NewFile(path) as new:
        _write_clip(form, first, new)
        second = next(iterator, None)
        if second is None:
            new.finish(path)
            _tell(path, 1)
            return 1
        path_of_first = _numbered(path, 0)
        refuse_existing(path_of_first, force=force)
        new.finish(path_of_first)
        _tell(path_of_first, 1)
    count = 1
    for clip in chain([second], iterator):
        target = _numbered(path, count)
        refuse_existing(target, force=force)
        with NewFile(target) as new:
            _write_clip(form, clip, new)
            new.finish(target)
        _tell(target, 1)
        count += 1
    return count


def _write_clip(form: MotionFormat, clip: MotionClip | bytes, new: NewFile) -> None:
    assert form.write is not None
    with clear_failure(new.path):
        if isinstance(clip, bytes) and form.name == OWN_FORMAT:
            write_image(new.file, clip)
        else:
            form.write(decode(clip, str(new.path)) if isinstance(clip, bytes) else clip, new.file)
        new.file.flush()


def _numbered(path: Path, number: int) -> Path:
    stem, ending = split_extension(path)
    return path.with_name(f"{stem}_{number:02d}{ending}")


def _tell(path: Path, count: int) -> None:
    if count:
        logger.info("wrote %s%s", path, "" if count == 1 else f" ({count} clips)")
