"""Several clips at once, each in a process of its own; results keep the order of the clips."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain, islice
from multiprocessing import get_context

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.imitate.config import ImitateConfig
from infinitedance_cli.stages.imitate.stage import Failures, imitate, load_engine

_Answer = tuple[list[MotionClip], Failures]


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def imitate_many(clips: Iterable[MotionClip], config: ImitateConfig, failures: Failures) -> Iterator[MotionClip]:
    """`stage.imitate` over `config.jobs` clips at once (0: one for each core), at most one clip more held in memory.

    The engine is loaded at the call; raises as `load_engine` and `imitate`.
    """
    engine = load_engine(config.engine)
    iterator = iter(clips)
    jobs = config.jobs or getattr(engine, "jobs", 0) or usable_cores()  # an engine on a GPU names one
    first = list(islice(iterator, 2))
    if jobs == 1 or len(first) < 2:
        return imitate(chain(first, iterator), engine, config, failures)
    return _in_processes(chain(first, iterator), config, failures, jobs)


def _in_processes(
    clips: Iterable[MotionClip], config: ImitateConfig, failures: Failures, jobs: int
) -> Iterator[MotionClip]:
    waiting: deque[Future[_Answer]] = deque()
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for clip in clips:
            waiting.append(pool.submit(_imitate_one, clip, config))
            if len(waiting) > jobs:
                yield from _collected(waiting.popleft(), failures)
        while waiting:
            yield from _collected(waiting.popleft(), failures)


def _collected(future: Future[_Answer], failures: Failures) -> list[MotionClip]:
    clips, found = future.result()
    failures.clips += found.clips
    failures.lines += found.lines
    return clips


def _imitate_one(clip: MotionClip, config: ImitateConfig) -> _Answer:
    failures = Failures()
    return list(imitate([clip], load_engine(config.engine), config, failures)), failures
