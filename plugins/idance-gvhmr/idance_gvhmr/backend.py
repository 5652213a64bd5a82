"""The capture backend `gvhmr`: runs `tools/demo/demo.py` of a GVHMR checkout and reads its `hmr4d_results.pt`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from infinitedance_cli.formats.gvhmr import read_result
from infinitedance_cli.motion.clip import MotionClip
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
    """GVHMR follows one person over a video without cuts: the largest, or whom it is given boxes of."""

    repository: Path
    name: str = "gvhmr"

    def capture(self, video: Path, config: CaptureConfig) -> Iterator[MotionClip]:
        """The people of one shot. Raises MissingResource or StageFailed, one line, when it cannot."""
        for person in chosen_people(video, config):
            yield self._follow(video, config, person)

    def _follow(self, video: Path, config: CaptureConfig, person: Chosen | None) -> MotionClip:
        """The motion of one person, whom GVHMR chooses unless told."""
        with working_folder(video) as (folder, copy):
            results = folder / "results" / copy.stem
            if person is not None:
                write_boxes(results / "preprocess" / "bbx.pt", person)
            run_checkout(SPEC, [str(copy), str(folder / "results"), config.camera])
            result = read_result(results / "hmr4d_results.pt", self.repository / _BODY_MODEL)
            first, end = (0, len(result.intrinsics)) if person is None else (person.first, person.end)
            world, camera = result.world.part(first, end), result.camera.part(first, end)
            clip = to_clip(video.stem, world, usual_up="y")
            pose = camera_pose(clip, world, camera, result.intrinsics[first])
            boxes, keypoints = seen_in(results / "preprocess", first, end)
        seen = capture_group(first_frame=first, bbox=boxes, keypoints2d=keypoints, camera=pose, keypoints="coco-17")
        return replace(clip, extra={CAPTURE: seen}).with_provenance("capture/gvhmr", licences=list(LICENCES))


def create(config: CaptureConfig) -> GvhmrBackend:
    """The backend, when all that GVHMR needs is there. Raises MissingResource otherwise."""
    return GvhmrBackend(check_checkout(SPEC, FILES))
