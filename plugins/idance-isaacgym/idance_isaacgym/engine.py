"""The engine `isaacgym`: a worker under the user's own interpreter lets PHC's humanoid dance the clip.

What the humanoid did is handed back on the clip's own skeleton. It is helped by nothing, so the root wrench is zero.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idance_isaacgym.worker.idance_phc.errors import BadFile, Missing
from idance_isaacgym.worker.idance_phc.policies import DEFAULT_POLICY, check_files, find_asset, find_policy
from infinitedance_cli.errors import ConfigError, MissingResource, StageFailed
from infinitedance_cli.motion.clip import Dataset, Group, MotionClip
from infinitedance_cli.motion.kinematics import sample_positions, sample_rotations
from infinitedance_cli.motion.resample import resample_clip
from infinitedance_cli.stages.imitate.body import SimulatedBody
from infinitedance_cli.stages.imitate.grounding import lowest_points
from infinitedance_cli.stages.imitate.tracking import Quality, Tracking
from infinitedance_cli.stream.worker import Worker, WorkerSpec, check_worker
from infinitedance_cli.stream.worker_settings import workers_file

NAME = "isaacgym"
POLICY_FPS = 30.0
_GROUP = "isaacgym"
_REPOSITORY = "https://github.com/ZhengyiLuo/PHC"

FloatArray = NDArray[np.floating]

SPEC = WorkerSpec(
    NAME,
    Path(__file__).parent / "worker" / "run.py",
    install=(
        "make an environment of Python 3.8 with Isaac Gym Preview 4 (developer.nvidia.com/isaac-gym), torch, numpy and "
        f"h5py, check out {_REPOSITORY} as the repository and fetch its checkpoints with its download_data.sh"
    ),
    needs=("repository", "checkpoints"),
    libraries={
        "isaacgym": "download Isaac Gym Preview 4 from developer.nvidia.com/isaac-gym and pip install its python/",
        "torch": "pip install torch",
    },
)


@dataclass(frozen=True)
class PhcOptions:
    """What the user may set for this worker under `options`: the `policy`, the `device`, and whether a fall is any
    part 0.25 m off (`strict`, as PHC is trained) instead of 0.5 m on average (as it is evaluated)."""

    policy: str = DEFAULT_POLICY
    device: str = "cuda:0"
    strict: bool = False


class IsaacGymEngine:
    """The engine `isaacgym`; see `infinitedance_cli.stages.imitate.tracking.PhysicsEngine`.

    `jobs` is 1: a second simulation on the same GPU would only wait for its memory.
    """

    name = NAME
    jobs = 1

    def __init__(self, options: PhcOptions, spec: WorkerSpec = SPEC) -> None:
        self._options, self._spec = options, spec
        self._worker: Worker | None = None

    def track(self, body: SimulatedBody, reference: MotionClip, quality: Quality) -> Tracking:
        """Imitate a reference; both qualities are the same policy. See `PhysicsEngine.track`.

        Raises MissingResource when the worker's environment lacks something, StageFailed when it breaks.
        """
        if self._worker is None:
            self._worker = Worker(self._spec, self._arguments())
        clip = resample_clip(dataclasses.replace(reference, extra={}, provenance=()), POLICY_FPS)
        values = lowest_points(clip, body).min(axis=1).astype(np.float32)
        clearance = Group({"clearance": Dataset(values, {"units": "m"})})
        answer = self._worker.ask(dataclasses.replace(clip, extra={_GROUP: clearance}))
        return _tracking(body, reference, answer)

    def _arguments(self) -> list[str]:
        strict = ["--strict"] if self._options.strict else []
        return ["--policy", self._options.policy, "--device", self._options.device, *strict]


def create() -> IsaacGymEngine:
    """The engine; raises MissingResource with what to install and where the files have to be, ConfigError for a
    setting that does not exist."""
    from infinitedance_cli.config import from_dict

    settings = check_worker(SPEC)
    sources = {key: f"{workers_file()}, {NAME}.options" for key in settings.options}
    options = from_dict(PhcOptions, settings.options, sources)
    try:
        find_asset(settings.repository)
        check_files(find_policy(options.policy), settings.checkpoints)
    except Missing as error:
        raise MissingResource(f"the worker '{NAME}': {error}") from error
    except BadFile as error:
        raise ConfigError(f"{workers_file()}: {error}") from error
    return IsaacGymEngine(options, dataclasses.replace(SPEC, environment=library_path(settings.python)))


def library_path(python: str) -> dict[str, str]:
    """LD_LIBRARY_PATH with the interpreter's own libraries in front, where its environment has libpython: Isaac Gym is
    linked to it and, in an environment of conda that is not activated, does not find it."""
    folder = Path(python).parent.parent / "lib"
    if not any(folder.glob("libpython3*.so*")):
        return {}
    return {"LD_LIBRARY_PATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("LD_LIBRARY_PATH", "")]))}


def _tracking(body: SimulatedBody, reference: MotionClip, answer: MotionClip) -> Tracking:
    """What the worker's clip says, at the reference's frames and for a body of the clip's own weight."""
    report = answer.extra.get(_GROUP, Group())
    times = np.minimum(np.arange(reference.frames) * (POLICY_FPS / reference.fps), answer.frames - 1.0)
    try:
        lighter = body.mass_kg / float(report.attributes["body_mass_kg"])
        contact, power = (_rows(report, name, answer.frames) for name in ("contact_force", "power"))
        timestep = float(report.attributes["timestep_s"])
    except (KeyError, ValueError) as error:
        raise StageFailed(
            f"the worker '{NAME}' sent a clip without a proper report ({error}); update the plug-in"
        ) from error
    falls = report.members.get("falls")
    frames = falls.values if isinstance(falls, Dataset) else np.zeros(0)
    none = np.zeros((reference.frames, 3))
    last = reference.frames - 1
    return Tracking(
        sample_positions(answer.root_position.astype(np.float64), times),
        sample_rotations(answer.joint_rotation.astype(np.float64), times),
        none,
        none,
        sample_positions(contact * lighter, times),
        sample_positions(power * lighter, times),
        tuple(sorted({min(round(float(frame) * reference.fps / POLICY_FPS), last) for frame in frames})),
        timestep,
    )


def _rows(report: Group, name: str, frames: int) -> FloatArray:
    member = report.members[name]
    if not isinstance(member, Dataset) or len(member.values) != frames:
        raise ValueError(f"{name} has no row for each of {frames} frames")
    return member.values.astype(np.float64)
