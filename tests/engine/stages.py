"""Stages for the tests of the engine: cheap, and with the faults that users meet."""

from __future__ import annotations

import errno
import json
import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from infinitedance_cli.engine.task import Task, Work, one_by_one
from infinitedance_cli.errors import MissingResource, StageFailed
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.facts import facts_of
from infinitedance_cli.stream.shard_writer import ShardWriter
from tests.motion.samples import standing_clip


@dataclass(frozen=True)
class Settings:
    """`notes`: a folder for what workers tell tests, and tests tell workers."""

    notes: str
    lift: float = 1.0


def task(notes: Path, seconds: float = 0.0, lift: float = 1.0, **faults: str) -> Task:
    """A stage that takes `seconds` a clip; at a clip that is named in `faults`, that happens."""
    (notes / "plan.json").write_text(json.dumps({"seconds": seconds, "faults": faults}))
    return Task("tests.engine.stages:open_stage", Settings(str(notes), lift))


def open_stage(settings: Settings) -> Work:
    notes = Path(settings.notes)
    plan = json.loads((notes / "plan.json").read_text())
    seconds, faults = plan["seconds"], plan["faults"]
    (notes / f"loaded-{os.getpid()}").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "all"))
    if "load" in faults and not _first_time(notes, "load"):
        raise MissingResource("there is no model here; fetch it")

    def stage(clips: Iterable[MotionClip]) -> Iterator[MotionClip]:
        for clip in clips:
            time.sleep(seconds)
            if "load" in faults:
                _wait_for_the_other(notes)
            _happens(faults.get(clip.clip_id, ""), notes, clip.clip_id)
            yield replace(clip, root_position=clip.root_position + np.float32(settings.lift))

    return Work(one_by_one(stage))


def _happens(fault: str, notes: Path, clip_id: str) -> None:
    if fault == "fails":
        raise StageFailed(f"{clip_id}: cannot be done")
    if fault == "kills" or (fault == "kills once" and _first_time(notes, clip_id)):
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "full once" and _first_time(notes, clip_id):
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/x")
    if fault == "bug":
        raise RuntimeError("not as it should be")


def _wait_for_the_other(notes: Path, at_most: float = 60.0) -> None:
    """Work on when two workers have tried to load: the one that could must not do it all before."""
    end = time.monotonic() + at_most
    while len(list(notes.glob("loaded-*"))) < 2 and time.monotonic() < end:
        time.sleep(0.01)


def _first_time(notes: Path, what: str) -> bool:
    """Whether no worker was here before."""
    try:
        (notes / f"first-{what}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def clips(count: int, frames: int = 5) -> list[MotionClip]:
    made = []
    for number in range(count):
        clip = standing_clip(frames)
        root = clip.root_position + np.float32(0.01 * number)
        made.append(replace(clip, clip_id=f"c{number}", root_position=root))
    return made


def write_shards(folder: Path, count: int, shard_bytes: int = 1_000_000_000) -> Path:
    with ShardWriter(folder, shard_bytes) as writer:
        for clip in clips(count):
            writer.add(encode(clip), facts_of(clip))
    return folder
