"""The capture backend `smplestx`: SMPLest-X picture by picture, for hands and face beside another backend's body."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from idance_smplestx.people import link, wanted
from idance_smplestx.result import Person, follow, read_result
from infinitedance_cli.errors import StageFailed
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.capture.annotations import capture_group
from infinitedance_cli.stages.capture.backend import CAPTURE
from infinitedance_cli.stages.capture.checkout import (
    WORKER_MODULES,
    NeededFile,
    check_checkout,
    rest_joints,
    run_checkout,
    to_clip,
    working_folder,
)
from infinitedance_cli.stages.capture.config import CaptureConfig
from infinitedance_cli.stream.worker import WorkerSpec

LICENCES = (
    "SMPLest-X: as the LICENSE of its repository says (MotrixLab/SMPLest-X)",
    "SMPL-X model: non-commercial research (smpl-x.is.tue.mpg.de)",
    "YOLOv8: AGPL-3.0 (ultralytics)",
)
MODEL = "smplest_x_h"

_BODY_MODEL = "human_models/human_model_files/smplx/SMPLX_NEUTRAL.npz"
_HUB = "download it from huggingface.co/waanqii/SMPLest-X"
FILES = (
    NeededFile("main/inference.py", "SMPLest-X itself", "name the folder of your SMPLest-X checkout"),
    NeededFile(f"pretrained_models/{MODEL}/{MODEL}.pth.tar", "SMPLest-X's weights", _HUB),
    NeededFile(f"pretrained_models/{MODEL}/config_base.py", "the settings of the weights", _HUB),
    NeededFile(_BODY_MODEL, "the SMPL-X body model", "register at smpl-x.is.tue.mpg.de and put it there"),
)
SPEC = WorkerSpec(
    "smplestx",
    script=Path(__file__).parent / "worker" / "start.py",
    install="set it up as the README of idance-smplestx says",
    needs=("repository",),
    module_folders=(WORKER_MODULES,),
)


@dataclass(frozen=True)
class SmplestxBackend:
    """SMPLest-X sees each picture by itself: fine hands and face, a body that is only roughly placed in the world."""

    repository: Path
    name: str = "smplestx"

    def capture(self, video: Path, config: CaptureConfig) -> Iterator[MotionClip]:
        """The people of one shot. Raises MissingResource or StageFailed, one line, when it cannot."""
        with working_folder(video) as (folder, copy):
            run_checkout(SPEC, [str(copy), str(folder / "smplest_x.npz"), MODEL])
            result = read_result(folder / "smplest_x.npz")
        pelvis = rest_joints(self.repository / _BODY_MODEL, np.zeros(10))[0]
        boxes = result.fields["boxes"]
        people = link(boxes, round(config.shots.longest_gap_s * 30))
        found = wanted(people, boxes, result.size[0], config)
        if not found:
            raise StageFailed(f"smplestx: nobody is seen for {config.shots.shortest_s:g} s or more in {video.name}")
        for which in found:
            yield self._clip(video.stem, follow(video.name, result, which, config.focal_px, pelvis))

    def _clip(self, name: str, person: Person) -> MotionClip:
        """One person as a clip, with the model's own proportions for the betas that were found."""
        joints = rest_joints(self.repository / _BODY_MODEL, person.motion.betas)
        clip = to_clip(name, replace(person.motion, rest_joints=joints), usual_up="-y")
        seen = capture_group(first_frame=person.first_frame, bbox=person.boxes, confidence=person.confidence)
        clip = replace(clip, extra={CAPTURE: seen})
        return clip.with_provenance("capture/smplestx", licences=list(LICENCES))


def create(config: CaptureConfig) -> SmplestxBackend:
    """The backend, when all that SMPLest-X needs is there. Raises MissingResource otherwise."""
    return SmplestxBackend(check_checkout(SPEC, FILES))
