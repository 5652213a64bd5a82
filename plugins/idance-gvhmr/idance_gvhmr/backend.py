"""The capture backend `gvhmr`: runs `tools/demo/demo.py` of a GVHMR checkout and reads its `hmr4d_results.pt`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from infinitedance_cli.errors import ConfigError
from infinitedance_cli.formats.gvhmr import GvhmrResult, read_result
from infinitedance_cli.motion.clip import Group, MotionClip
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

LICENCES = (
    "GVHMR: non-commercial research (zju3dv/GVHMR)",
    "SMPL-X model: non-commercial research (smpl-x.is.tue.mpg.de)",
)

_BODY_MODEL = "inputs/checkpoints/body_models/smplx/SMPLX_NEUTRAL.npz"
_WEIGHTS = "download it as docs/INSTALL.md of GVHMR says"
FILES = (
    NeededFile("tools/demo/demo.py", "GVHMR itself", "name the folder of your GVHMR checkout"),
    NeededFile(_BODY_MODEL, "the SMPL-X body model", "register at smpl-x.is.tue.mpg.de and put it there"),
    NeededFile("inputs/checkpoints/gvhmr/gvhmr_siga24_release.ckpt", "GVHMR's weights", _WEIGHTS),
    NeededFile("inputs/checkpoints/hmr2/epoch=10-step=25000.ckpt", "HMR2's weights", _WEIGHTS),
    NeededFile("inputs/checkpoints/vitpose/vitpose-h-multi-coco.pth", "ViTPose's weights", _WEIGHTS),
    NeededFile("inputs/checkpoints/yolo/yolov8x.pt", "YOLOv8's weights", _WEIGHTS),
)
SPEC = WorkerSpec(
    "gvhmr",
    script=Path(__file__).parent / "worker" / "run_demo.py",
    install="set it up as the README of idance-gvhmr says",
    needs=("repository",),
    module_folders=(WORKER_MODULES,),
)


@dataclass(frozen=True)
class GvhmrBackend:
    """GVHMR follows one person, the one it sees longest and largest, over a video without cuts."""

    repository: Path
    name: str = "gvhmr"

    def capture(self, video: Path, config: CaptureConfig) -> Iterator[MotionClip]:
        """The motion of the person of one shot. Raises MissingResource or StageFailed, one line, when it cannot."""
        with working_folder(video) as (folder, copy):
            run_checkout(SPEC, [str(copy), str(folder / "results"), config.camera])
            results = folder / "results" / copy.stem
            result = read_result(results / "hmr4d_results.pt", self.repository / _BODY_MODEL)
            clip = to_clip(video.stem, result.world, usual_up="y")
            seen = _seen(results / "preprocess", result, clip)
        yield replace(clip, extra={CAPTURE: seen}).with_provenance("capture/gvhmr", licences=list(LICENCES))


def create(config: CaptureConfig) -> GvhmrBackend:
    """The backend, when all that GVHMR needs is there. Raises MissingResource otherwise, ConfigError on its limits."""
    if config.person != "largest":
        raise ConfigError(f"person: found {config.person!r}; gvhmr follows the largest person only")
    return GvhmrBackend(check_checkout(SPEC, FILES))


def _seen(preprocess: Path, result: GvhmrResult, clip: MotionClip) -> Group:
    """What GVHMR saw: boxes, 2D keypoints (COCO's 17) and the camera."""
    boxes, keypoints = preprocess / "bbx.pt", preprocess / "vitpose.pt"
    return capture_group(
        first_frame=0,
        bbox=load_tensors(boxes)["bbx_xyxy"] if boxes.is_file() else None,
        keypoints2d=load_tensors(keypoints) if keypoints.is_file() else None,
        camera=camera_pose(clip, result.world, result.camera, result.intrinsics[0]),
        keypoints="coco-17",
    )
