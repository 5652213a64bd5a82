"""`imitate` as workers run it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infinitedance_cli.engine.placement import usable_cores
from infinitedance_cli.engine.task import Result, Work
from infinitedance_cli.errors import BadInput, StageFailed
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.imitate.config import ImitateConfig
from infinitedance_cli.stages.imitate.stage import Failures, imitate, load_engine
from infinitedance_cli.stages.imitate.tracking import PhysicsEngine

HINT = "try --quality fast, or --keep-failed to let clips pass in which the body fell, marked"


def open_stage(config: ImitateConfig) -> Work:
    """The stage with its engine. Raises as `load_engine`."""
    engine = load_engine(config.engine)

    def run(clips: Sequence[MotionClip]) -> Iterator[Result]:
        if len(clips) > 1:
            together = _together(clips, engine, config)
            if together is not None:
                yield from together
                return
        for clip in clips:
            yield _alone(clip, engine, config)

    return Work(run, at_once=getattr(engine, "clips_at_once", 1))


def default_jobs(config: ImitateConfig) -> int:
    """How many workers this machine takes: one a core, unless the engine, which then is on a GPU, says otherwise."""
    return getattr(load_engine(config.engine), "jobs", 0) or usable_cores()


def _alone(clip: MotionClip, engine: PhysicsEngine, config: ImitateConfig) -> Result:
    failures = Failures()
    try:
        danced = list(imitate([clip], engine, config, failures))
    except (BadInput, StageFailed) as error:
        return Result([], error)
    fell = failures.lines and not config.keep_failed
    return Result(danced, StageFailed(f"the body fell in {failures.lines[0]}") if fell else None)


def _together(clips: Sequence[MotionClip], engine: PhysicsEngine, config: ImitateConfig) -> list[Result] | None:
    """One batch of the engine; None where one of the clips spoils it, or fell: then it is found by itself."""
    failures = Failures()
    try:
        danced = list(imitate(clips, engine, config, failures))
    except (BadInput, StageFailed):
        return None
    return [Result([clip]) for clip in danced] if len(danced) == len(clips) else None
