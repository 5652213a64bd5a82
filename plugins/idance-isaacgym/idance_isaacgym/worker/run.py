"""The worker: clips in, clips out as PHC's humanoid danced them. Runs under the user's Python 3.8 with Isaac Gym."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import clip_stream


def main() -> None:
    """Read the command line and dance what comes in on stdin."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policy", required=True)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--strict", action="store_true", help="a fall is any part 0.25 m away")
    arguments = parser.parse_args()
    clip_stream.run(lambda clips: work(clips, arguments))


def work(clips: Iterator[clip_stream.Clip], arguments: argparse.Namespace) -> Iterator[clip_stream.Clip]:
    """Each clip, at 30 fps, as the humanoid danced it; see `idance_phc.clips`."""
    # Before torch, which Isaac Gym insists on; a failure here tells what is missing.
    import isaacgym  # noqa: F401
    from idance_phc.errors import BadFile, Missing

    try:
        yield from _danced(clips, arguments)
    except Missing as error:
        raise clip_stream.MissingResource(str(error)) from error
    except BadFile as error:
        raise clip_stream.StageFailed(str(error)) from error


def _danced(clips: Iterator[clip_stream.Clip], arguments: Any) -> Iterator[clip_stream.Clip]:
    from idance_phc.clips import dance_clip
    from idance_phc.humanoid import read_humanoid
    from idance_phc.isaac_simulator import IsaacSimulator
    from idance_phc.policies import find_asset, find_policy

    humanoid = read_humanoid(find_asset(clip_stream.setting("repository")))
    spec = find_policy(arguments.policy)
    policy = spec.load(clip_stream.setting("checkpoints")).on(arguments.device)
    simulator = IsaacSimulator(humanoid, arguments.device)
    clip_stream.say("info", f"PHC's policy {spec.name} on {arguments.device}, a body of {simulator.mass_kg:.0f} kg")
    for clip in clips:
        yield dance_clip(clip, simulator, humanoid, policy, spec, simulator.mass_kg, arguments.strict)


if __name__ == "__main__":
    main()
