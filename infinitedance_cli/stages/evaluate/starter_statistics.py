"""The statistics of the starter's real dances, which ship with the package: features only, no poses.

python -m infinitedance_cli.stages.evaluate.starter_statistics CLIPS.h5

CLIPS.h5 holds the prepared recordings with their /dataset split. Training dances count (published figures compare with
the training set too), nothing that is no dance, cut into pieces of 1,024 frames as published figures are.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from infinitedance_cli.motion.clip import Group, MotionClip
from infinitedance_cli.stages.evaluate.dances import Dance
from infinitedance_cli.stages.evaluate.metrics.kinetic import PUBLISHED_FRAMES
from infinitedance_cli.stages.evaluate.metrics.spaces import RULES
from infinitedance_cli.stages.evaluate.reference import (
    LEAST_REFERENCE_FRAMES,
    STARTER,
    STARTER_FILE,
    collect,
    save_statistics,
)
from infinitedance_cli.stream.files import NewFile
from infinitedance_cli.stream.ports import read_clips

_NO_DANCE = "other"


def training_dances(clips: Iterable[MotionClip]) -> Iterator[Dance]:
    """The dances of the training split, in pieces."""
    for clip in clips:
        dataset = clip.extra.get("dataset", Group())
        if dataset.attributes.get("split") != "train" or clip.labels is None or clip.labels.genre == _NO_DANCE:
            continue
        for start in range(0, clip.frames, PUBLISHED_FRAMES):
            part = slice(start, start + PUBLISHED_FRAMES)
            piece = replace(
                MotionClip(clip.clip_id, clip.skeleton, clip.fps, clip.root_position, clip.joint_rotation),
                root_position=clip.root_position[part],
                joint_rotation=clip.joint_rotation[part],
            )
            yield Dance(f"{clip.clip_id}@{start}", clip=piece)


def main() -> None:
    """Command line: prepared clips in, the shipped file out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name(STARTER_FILE))
    arguments = parser.parse_args()
    reference = collect(training_dances(read_clips([arguments.clips])), STARTER, RULES, LEAST_REFERENCE_FRAMES)
    with NewFile(arguments.output) as new:
        save_statistics(reference, new.file)
        new.finish(arguments.output)
    sys.stderr.write(f"{arguments.output}: {reference.dances} dances, sha256 {reference.sha256}\n")


if __name__ == "__main__":
    main()
