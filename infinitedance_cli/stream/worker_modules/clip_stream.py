"""Read and write the clip stream from a worker: a script under an interpreter of its own.

This file stands alone: it needs numpy and h5py, runs under Python 3.8, and imports nothing of idance. idance puts its
folder on the worker's path, so a worker is::

    import clip_stream

    def work(clips):
        model = load_research_code()        # what it prints goes to stderr, never into the stream
        for clip in clips:
            clip.root_position = model(clip.root_position)
            yield clip

    clip_stream.run(work)

What goes wrong is raised as `MissingResource`, `BadInput` or `StageFailed` with one line for the user; any other
exception is reported as it is. `say` writes a line to idance's log.

A clip in HDF5 is described in `infinitedance_cli/stream/schema.py`; on a pipe one complete image follows the other.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import h5py
import numpy as np

FORMAT = "idance-motion"
VERSION = "1.0"
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_HEAD_BYTES = 64
_PIECE_BYTES = 1 << 22
_SKELETON = ("skeleton/joint_names", "skeleton/parents", "skeleton/offsets")
_OF_MOTION = (*_SKELETON, "motion/root_position", "motion/joint_rotation")


class WorkerError(Exception):
    """Base of what a worker tells a user in one line: what was found, what was expected, what to do next."""

    exit_code = 1


class BadInput(WorkerError):
    """The clip or file that came in is not what it claims to be."""

    exit_code = 3


class MissingResource(WorkerError):
    """Something has to be installed or downloaded first; the message says how."""

    exit_code = 4


class StageFailed(WorkerError):
    """The work itself failed."""

    exit_code = 5


@dataclass
class Clip:
    """A motion clip: y up, the rest pose faces +Z, metres.

    `joint_names` J names, `parents` (J,) int with -1 for the root, `offsets` (J, 3) metres from the parent in the rest
    pose; `root_position` (T, 3) of the first joint in the world, `joint_rotation` (T, J, 4) unit quaternions
    (w, x, y, z) local to the parent. `arrays` are all other datasets by path ("body/betas"), each a pair of values and
    attributes, where every float dataset needs "units" ("1" for none); `attributes` are those of groups by path
    ("body", "" for the root).
    """

    clip_id: str
    fps: float
    joint_names: Any
    parents: Any
    offsets: Any
    root_position: Any
    joint_rotation: Any
    arrays: dict[str, tuple[Any, dict[str, Any]]] = field(default_factory=dict)
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)


def run(work: Callable[[Iterator[Clip]], Iterable[Clip]]) -> None:
    """Give the clips of stdin to `work`, write each clip that it yields to stdout, and end the process.

    Call it before anything that prints: from here on what is written to stdout as text goes to stderr.
    """
    output = take_stdout()
    try:
        for clip in work(read_clips(sys.stdin.buffer)):
            write_clip(output, clip)
    except WorkerError as error:
        say("error", str(error))
        _leave(error.exit_code)
    except BrokenPipeError:  # idance has gone; there is nobody to tell
        _leave(0)
    output.close()
    # Simulators and GPU libraries are known to crash while they are taken down, when all work is done.
    _leave(0)


def _leave(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def setting(name: str, default: str = "") -> str:
    """What the user's worker settings say of "repository" or "checkpoints", else `default`."""
    return os.environ.get("IDANCE_WORKER_" + name.upper(), default)


def say(level: str, message: str) -> None:
    """Write a line to idance's log; `level` is debug, info, warning or error."""
    print(level + ": " + " ".join(message.split()), file=sys.stderr, flush=True)  # noqa: T201 (it is the log)


def take_stdout() -> BinaryIO:
    """The stream that stdout was; from now on all that writes to stdout, C code too, writes to stderr."""
    sys.stdout.flush()
    stream = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return stream


def read_clips(stream: BinaryIO) -> Iterator[Clip]:
    """The clips of a stream, one in memory at a time; an empty stream has none. Raises BadInput when it is damaged."""
    while True:
        head = _read(stream, _HEAD_BYTES)
        if not head:
            return
        size = _image_size(head)
        body = _read(stream, size - len(head))
        if len(head) + len(body) < size:
            raise BadInput(f"the clip stream ends inside a clip; expected {size - len(head + body)} bytes more")
        yield decode(head + body)


def write_clip(stream: BinaryIO, clip: Clip) -> None:
    """Write one clip and flush, so that the reader can start on it at once."""
    stream.write(encode(clip))
    stream.flush()


def _read(stream: BinaryIO, count: int) -> bytes:
    pieces = []
    while count > 0:
        piece = stream.read(min(count, _PIECE_BYTES))
        if not piece:
            break
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)


def _image_size(head: bytes) -> int:
    """Bytes of the HDF5 image with this head: its end-of-file address; each superblock version has its own places."""
    places = {0: (24, 40), 1: (28, 44), 2: (12, 28), 3: (12, 28)}
    if len(head) < _HEAD_BYTES or not head.startswith(_SIGNATURE) or head[8] not in places:
        raise BadInput(f"the clip stream holds no HDF5 image where a clip should start (found {head[:8]!r})")
    base, end = (struct.unpack_from("<Q", head, place)[0] for place in places[head[8]])
    if base != 0 or not _HEAD_BYTES < end < 1 << 62:
        raise BadInput("the HDF5 image of a clip has a user block or no end; expected one that idance wrote")
    return int(end)


def decode(image: bytes) -> Clip:
    """The clip in one HDF5 image. Raises BadInput when something is missing."""
    with h5py.File(h5py.h5f.open_file_image(image), "r") as file:
        found = _text(file.attrs.get("format", ""))
        if found != FORMAT or _text(file.attrs.get("version", "0")).split(".")[0] != VERSION.split(".")[0]:
            raise BadInput(f"an HDF5 file that is no clip of this version (@format is {found!r})")
        arrays: dict[str, tuple[Any, dict[str, Any]]] = {}
        attributes = {"": _attributes(file)}
        _collect(file, "", arrays, attributes)
    try:
        names, parents, offsets, root, turns = (arrays.pop(key)[0] for key in _OF_MOTION)
        clip_id, fps = attributes[""].pop("clip_id"), attributes["motion"].pop("fps")
    except KeyError as error:
        raise BadInput(f"a clip has no {error}") from error
    for key in ("format", "version"):
        attributes[""].pop(key)
    for key in ("up", "forward"):
        attributes["motion"].pop(key, None)
    return Clip(clip_id, float(fps), tuple(names), parents, offsets, root, turns, arrays, attributes)


def _collect(group: Any, path: str, arrays: dict[str, Any], attributes: dict[str, Any]) -> None:
    for name in group:
        member, where = group[name], path + name
        if isinstance(member, h5py.Group):
            attributes[where] = _attributes(member)
            _collect(member, where + "/", arrays, attributes)
        else:
            arrays[where] = (_values(member), _attributes(member))


def _values(dataset: Any) -> Any:
    values = dataset[()]
    if h5py.check_dtype(vlen=dataset.dtype) is not str:
        return values
    return np.array([_text(value) for value in np.ravel(values)], dtype=object).reshape(np.shape(values))


def _attributes(item: Any) -> dict[str, Any]:
    return {key: _plain(value) for key, value in item.attrs.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind in "OS":
        return tuple(_text(item) for item in value)
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return value.item()
    return _text(value)


def _text(value: Any) -> Any:
    """Text as `str`: which of `str` and `bytes` h5py gives depends on its version."""
    return value.decode("utf-8") if isinstance(value, bytes) else value


def encode(clip: Clip) -> bytes:
    """The clip as a complete HDF5 file. Raises ValueError for a float dataset without units."""
    attributes = {path: dict(values) for path, values in clip.attributes.items()}
    attributes.setdefault("", {}).update(format=FORMAT, version=VERSION, clip_id=clip.clip_id)
    attributes.setdefault("motion", {}).update(fps=float(clip.fps), up="+Y", forward="+Z")
    with h5py.File("clip", "w", driver="core", backing_store=False, block_size=1 << 20) as file:
        for path, (values, marks) in sorted({**clip.arrays, **_motion_arrays(clip)}.items()):
            _write(file, path, np.asarray(values), marks)
        for path, marks in sorted(attributes.items()):
            _mark(file.require_group(path) if path else file, marks)
        file.flush()
        return bytes(file.id.get_file_image())


def _motion_arrays(clip: Clip) -> dict[str, Any]:
    metres = {"units": "m"}
    rotations = {"encoding": "quaternion-wxyz", "frame": "parent", "units": "1"}
    values: tuple[tuple[Any, dict[str, Any]], ...] = (
        (np.array(list(clip.joint_names), dtype=object), {}),
        (np.asarray(clip.parents, np.int16), {}),
        (np.asarray(clip.offsets, np.float32), metres),
        (np.asarray(clip.root_position, np.float32), {"frame": "world", **metres}),
        (np.asarray(clip.joint_rotation, np.float32), rotations),
    )
    return dict(zip(_OF_MOTION, values))


def _write(file: Any, path: str, values: Any, marks: dict[str, Any]) -> None:
    if values.dtype.kind in "fc" and not marks.get("units"):
        raise ValueError(f"{path}: a float dataset needs an attribute units")
    is_text = values.dtype.kind in "OU"
    dtype = h5py.string_dtype() if is_text else values.dtype
    _mark(file.create_dataset(path, data=values.astype(object) if is_text else values, dtype=dtype), marks)


def _mark(item: Any, marks: dict[str, Any]) -> None:
    for name, value in sorted(marks.items()):
        if isinstance(value, (tuple, list)) and all(isinstance(part, str) for part in value):
            item.attrs.create(name, np.array(value, dtype=object), dtype=h5py.string_dtype())
        else:
            item.attrs[name] = value
