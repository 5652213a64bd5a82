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
from infinitedance_cli.errors import ConfigError, MissingResource, StageFailed
from infinitedance_cli.motion.clip import Body, MotionClip
from infinitedance_cli.stages.capture.annotations import capture_group
from infinitedance_cli.stages.capture.backend import CAPTURE
from infinitedance_cli.stages.capture.checkout import (
    WORKER_MODULES,
    NeededFile,
    camera_pose,
    check_checkout,
    load_tensors,
    run_checkout,
    to_clip,
    working_folder,
)
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
    """GEM-X follows one person, the largest, over a video without cuts; `script` is the demo that is run."""

    script: str = SCRIPT
    name: str = "gemx"

    def capture(self, video: Path, config: CaptureConfig) -> Iterator[MotionClip]:
        """The motion of the person of one shot. Raises MissingResource or StageFailed, one line, when it cannot."""
        with working_folder(video) as (folder, copy):
            run_checkout(SPEC, ["demo", str(copy), str(folder / "results"), config.camera, self.script])
            results = folder / "results" / copy.stem
            result = read_result(next(results.rglob("hpe_results.pt")))
            rest = _rest_joints(folder, result)
            world, camera = to_motion(result.world, rest), to_motion(result.camera, rest)
            clip = to_clip(video.stem, world, usual_up="y")
            pose = camera_pose(clip, world, camera, result.intrinsics)
            boxes, keypoints = _seen(results / "preprocess")
        seen = capture_group(first_frame=0, keypoints2d=keypoints, bbox=boxes, camera=pose, keypoints="soma-77")
        clip = replace(clip, body=Body(), extra={CAPTURE: seen})
        yield clip.with_provenance("capture/gemx", licences=list(LICENCES))


def create(config: CaptureConfig) -> GemxBackend:
    """The backend, when GEM-X is there. Raises MissingResource otherwise, ConfigError on its limits."""
    if config.person != "largest":
        raise ConfigError(f"person: found {config.person!r}; gemx follows the largest person only")
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


def _seen(preprocess: Path) -> tuple[NDArray[np.floating] | None, NDArray[np.floating] | None]:
    """What GEM-X saw: boxes (T, 4) and 2D keypoints (T, 77, 3), where it kept them."""
    boxes, keypoints = preprocess / "bbx.pt", preprocess / "vitpose.pt"
    found = load_tensors(keypoints) if keypoints.is_file() else None
    return (
        load_tensors(boxes)["bbx_xyxy"] if boxes.is_file() else None,
        found[0] if isinstance(found, list) else found,
    )
