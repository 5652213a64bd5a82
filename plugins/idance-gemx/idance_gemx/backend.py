"""The capture backend `gemx`: runs a demo of a GEM-X checkout and reads its `hpe_results.pt`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idance_gemx import soma
from idance_gemx.result import Result, read_result, to_motion
from infinitedance_cli.errors import MissingResource, StageFailed
from infinitedance_cli.motion.clip import Body, MotionClip
from infinitedance_cli.stages.capture.annotations import capture_group
from infinitedance_cli.stages.capture.backend import CAPTURE
from infinitedance_cli.stages.capture.checkout import (
    WORKER_MODULES,
    NeededFile,
    camera_pose,
    check_checkout,
    run_checkout,
    seen_in,
    to_clip,
    working_folder,
)
from infinitedance_cli.stages.capture.chosen import Chosen, chosen_people, write_boxes
from infinitedance_cli.stages.capture.config import CaptureConfig
from infinitedance_cli.stream.worker import WorkerSpec
from infinitedance_cli.stream.worker_settings import worker_settings

logger = logging.getLogger(__name__)

LICENCES = (
    "GEM-X code: Apache-2.0 (NVlabs/GEM-X)",
    "GEM-X weights: NVIDIA Open Model License (huggingface.co/nvidia/GEM-X)",
    "SAM 3D Body, which finds its features: SAM License (facebookresearch/sam-3d-body)",
)
SCRIPT = "scripts/demo/demo_soma.py"
SPEC = WorkerSpec(
    "gemx",
    script=Path(__file__).parent / "worker" / "start.py",
    install="set it up as the README of idance-gemx says",
    needs=("repository",),
    module_folders=(WORKER_MODULES,),
)


@dataclass(frozen=True)
class GemxBackend:
    """GEM-X follows one person over a video without cuts: the largest, or whom it is given boxes of.

    `script` is the demo that is run.
    """

    script: str = SCRIPT
    name: str = "gemx"

    def capture(self, video: Path, config: CaptureConfig) -> Iterator[MotionClip]:
        """The people of one shot. Raises MissingResource or StageFailed, one line, when it cannot."""
        for person in chosen_people(video, config):
            yield self._follow(video, config, person)

    def _follow(self, video: Path, config: CaptureConfig, person: Chosen | None) -> MotionClip:
        """The motion of one person, whom GEM-X chooses unless told."""
        with working_folder(video) as (folder, copy):
            results = folder / "results" / copy.stem
            if person is not None:
                write_boxes(results / "preprocess" / "bbx.pt", person)
            run_checkout(SPEC, ["demo", str(copy), str(folder / "results"), config.camera, self.script])
            result = read_result(next(results.rglob("hpe_results.pt")))
            first, end = (0, result.frames) if person is None else (person.first, person.end)
            rest = _rest_joints(folder, result)
            world, camera = (to_motion(pose, rest).part(first, end) for pose in (result.world, result.camera))
            clip = to_clip(video.stem, world, usual_up="y")
            pose = camera_pose(clip, world, camera, result.intrinsics)
            boxes, keypoints = seen_in(results / "preprocess", first, end)
        seen = capture_group(first_frame=first, keypoints2d=keypoints, bbox=boxes, camera=pose, keypoints="soma-77")
        clip = replace(clip, body=Body(), extra={CAPTURE: seen})
        return clip.with_provenance("capture/gemx", licences=list(LICENCES))


def create(config: CaptureConfig) -> GemxBackend:
    """The backend, when GEM-X is there. Raises MissingResource otherwise."""
    script = str(worker_settings(SPEC.name).options.get("script", SCRIPT))
    check_checkout(SPEC, [NeededFile(script, "GEM-X itself", "name the folder of your GEM-X checkout")])
    return GemxBackend(script)


def _rest_joints(folder: Path, result: Result) -> NDArray[np.floating] | None:
    """The person's own proportions (22, 3) from GEM-X's body model; None where it does not tell."""
    identity, joints = folder / "identity.npz", folder / "joints.npy"
    np.savez(identity, identity_coeffs=result.identity, scale_params=result.scale)
    try:
        run_checkout(SPEC, ["rest", str(identity), str(joints)])
    except (MissingResource, StageFailed) as error:
        logger.warning("%s; the steps are scaled as an average body's", error)
        return None
    return soma.rest_joints(np.load(joints).astype(np.float64))
