"""Capture by research code that a user has checked out: what the plug-ins of such backends share.

The code runs as a worker (see `stream.worker`) under its own interpreter and leaves its result in a file, in its own
format; the plug-in reads that and makes a clip of it by `SmplMotion` and `to_clip`. So the user installs what the
research code asks for, and nothing else.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import MissingResource
from infinitedance_cli.formats._smplx import SmplMotion, from_parameters, rest_pelvis, scale_of, to_clip
from infinitedance_cli.formats._smplx_model import rest_joints
from infinitedance_cli.formats._torch_file import load_tensors
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.capture.annotations import CameraPose
from infinitedance_cli.stream.worker import Worker, WorkerSpec, check_worker

__all__ = [
    "WORKER_MODULES",
    "NeededFile",
    "SmplMotion",
    "camera_pose",
    "check_checkout",
    "from_parameters",
    "load_tensors",
    "rest_joints",
    "run_checkout",
    "seen_in",
    "to_clip",
    "working_folder",
]

WORKER_MODULES = Path(__file__).parent / "worker_modules"
"""The folder with `research_code.py`, for the path of a worker: `WorkerSpec(module_folders=(WORKER_MODULES,))`."""


@dataclass(frozen=True)
class NeededFile:
    """A file of a checkout: `path` in it (a pattern is allowed), `what` it is, and where it is got `by`."""

    path: str
    what: str
    by: str


def check_checkout(spec: WorkerSpec, files: Sequence[NeededFile]) -> Path:
    """The repository of a worker, with all `files` in it. Starts nothing.

    Raises MissingResource that names what is missing and how to get it: interpreter, repository or files.
    """
    repository = Path(check_worker(spec).repository)
    missing = [file for file in files if not any(path.is_file() for path in repository.glob(file.path))]
    if missing:
        first = missing[0]
        more = "".join(f"; also {file.path} ({file.what}; {file.by})" for file in missing[1:])
        raise MissingResource(
            f"{spec.name} in {repository} has no {first.path} ({first.what}); {first.by}{more}; {spec.install}"
        )
    return repository


def run_checkout(spec: WorkerSpec, arguments: Sequence[str]) -> None:
    """Run the worker to its end. Raises MissingResource or StageFailed, one line, when it does not do its work."""
    with Worker(spec, arguments) as worker:
        worker.wait()


@contextmanager
def working_folder(video: Path, name: str = "dance") -> Iterator[tuple[Path, Path]]:
    """A temporary folder and the video in it, under a plain name: research code makes file names and settings of it."""
    with tempfile.TemporaryDirectory(prefix="idance-") as folder:
        copy = Path(folder) / f"{name}{video.suffix}"
        try:
            copy.symlink_to(video.resolve())
        except OSError:  # where links are not allowed
            shutil.copyfile(video, copy)
        yield Path(folder), copy


def camera_pose(
    clip: MotionClip, world: SmplMotion, camera: SmplMotion, intrinsics: NDArray[np.floating]
) -> CameraPose:
    """The camera of each frame, in the world of `clip`, which `to_clip` made of `world`.

    `camera` is the same motion in the camera's axes (x right, y down, z away), `intrinsics` (3, 3) in pixels. The clip
    has our skeleton's size, so the camera's distance is scaled as the body was: pixels stay what they were.
    """
    turned = rotation.heading(clip.joint_rotation[0, 0]) - rotation.heading(world.rotations[0, 0])
    upright = rotation.multiply(rotation.about_axis("y", np.array(turned)), world.rotations[:, 0])
    facing = rotation.to_matrix(rotation.multiply(camera.rotations[:, 0], rotation.inverse(upright)))
    pelvis = scale_of(camera) * (camera.translation + rest_pelvis(camera))
    moved = pelvis - np.einsum("tij,tj->ti", facing, clip.root_position.astype(np.float64))
    return CameraPose(float(intrinsics[0, 0]), intrinsics[:2, 2], facing, moved)


def seen_in(preprocess: Path, first: int, end: int) -> tuple[NDArray[np.floating] | None, NDArray[np.floating] | None]:
    """Boxes (T, 4) and 2D keypoints (T, K, 3) that GVHMR and GEM-X keep in their folder `preprocess`, where they do."""
    boxes, keypoints = preprocess / "bbx.pt", preprocess / "vitpose.pt"
    found = load_tensors(keypoints) if keypoints.is_file() else None
    found = found[0] if isinstance(found, list) else found
    return (
        load_tensors(boxes)["bbx_xyxy"][first:end] if boxes.is_file() else None,
        None if found is None else found[first:end],
    )
