"""One `.npz` that opens everywhere: the union of the fields that SMPL-X programs read, and the whole clip beside them.

Fields (T frames, world with z up, metres, radians, float64):

* AMASS-X, read by GMR and ProtoMotions: `poses` (T, 165), `root_orient` (T, 3), `pose_body` (T, 63), `pose_hand`
  (T, 90), `pose_jaw` (T, 3), `pose_eye` (T, 6), `trans` (T, 3), `betas` (16,), `num_betas`, `gender`,
  `surface_model_type`, `mocap_frame_rate`, `mocap_time_length`;
* AMASS SMPL-H and the SMPL-X Blender add-on: the same, and the other spelling `mocap_framerate`;
* the smplx package and programs that estimate pose from video: `global_orient`, `body_pose`, `transl`,
  `left_hand_pose`, `right_hand_pose`, `jaw_pose`, `leye_pose`, `reye_pose`, `expression`;
* ours: `idance_clip`, the clip as bytes of HDF5 (`infinitedance_cli.stream.codec.decode`), and for those who read with
  numpy alone `idance_up`, `idance_genre`, `idance_beats` and `idance_downbeats` (s), `idance_tempo_bpm`,
  `idance_audio_sha256`, `idance_joint_names`, `idance_parents`, `idance_offsets`, `idance_provenance` (JSON).

The Blender add-on accepts multiples of 30 fps only and truncates others, so these fields are written at the nearest
multiple of 30. Where they are placed on an SMPL-X body: see `infinitedance_cli.formats._smplx`. Reading gives back
the clip of `idance_clip`, bit for bit, unless the pose fields were changed since: then the changed motion on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._arrays import Arrays, keys_of
from infinitedance_cli.formats._smplx import to_parameters, with_parameters
from infinitedance_cli.motion.clip import Labels, MotionClip, MusicTrack
from infinitedance_cli.motion.resample import require_smplx_joints, resample_clip
from infinitedance_cli.stream.codec import decode, encode

EXTENSIONS = (".npz",)
DESCRIPTION = "SMPL-X parameters that Blender, aitviewer, GMR and ProtoMotions open, with the whole clip beside them"
CLIP_KEY = "idance_clip"

_BETAS = 16
_EXPRESSIONS = 10
_BLENDER_FPS = 30


def matches(path: Path) -> bool:
    """True for a file that `write` made."""
    return CLIP_KEY in keys_of(path)


def write(clip: MotionClip, file: BinaryIO) -> None:
    """The clip as one archive. Raises BadInput when its joints are not SMPL-X's."""
    fields = {**smplx_fields(clip), **_own_fields(clip)}
    # numpy before 2.1 has no allow_pickle here and would write it as one more array.
    np.savez(file, **fields)  # type: ignore[arg-type]


def read(path: Path) -> Iterator[MotionClip]:
    """The clip of one file. Raises BadInput when it was not written by `write` or is damaged."""
    data = Arrays(path)
    image = data.get(CLIP_KEY)
    if image is None or image.dtype != np.uint8:
        raise BadInput(f"{path}: no {CLIP_KEY} of bytes in it; expected an archive that idance wrote")
    clip = decode(image.tobytes(), str(path))
    expected = smplx_fields(clip)
    poses, translation, fps = data.floats("poses"), data.floats("trans"), data.number("mocap_frame_rate")
    same = fps == expected["mocap_frame_rate"] and poses.shape == expected["poses"].shape
    if same and np.allclose(poses, expected["poses"], atol=1e-9) and np.allclose(translation, expected["trans"]):
        yield clip
        return
    # What belongs to the old frames does not belong to the new ones.
    bare = replace(clip, contacts=None, tokens=None, extra={}, body=clip.body and replace(clip.body, expression=None))
    yield with_parameters(bare, fps, poses, translation)


def smplx_fields(clip: MotionClip) -> dict[str, NDArray[Any]]:
    """The fields that other programs read. Raises BadInput when the joints are not SMPL-X's."""
    require_smplx_joints(clip)
    clip = replace(clip, tokens=None, extra={})
    clip = resample_clip(clip, _BLENDER_FPS * max(1, round(clip.fps / _BLENDER_FPS)))
    poses, translation = to_parameters(clip)
    betas = np.zeros(_BETAS)
    if clip.body is not None and clip.body.model == "smplx":
        betas[: len(clip.body.betas[:_BETAS])] = clip.body.betas[:_BETAS]
    return {
        "poses": poses,
        "trans": translation,
        "betas": betas,
        "num_betas": np.array(_BETAS),
        "gender": np.array(clip.body.gender if clip.body else "neutral"),
        "surface_model_type": np.array("smplx"),
        "mocap_frame_rate": np.array(float(clip.fps)),
        "mocap_framerate": np.array(float(clip.fps)),
        "mocap_time_length": np.array(clip.duration_s),
        "root_orient": poses[:, :3],
        "pose_body": poses[:, 3:66],
        "pose_jaw": poses[:, 66:69],
        "pose_eye": poses[:, 69:75],
        "pose_hand": poses[:, 75:],
        "global_orient": poses[:, :3],
        "body_pose": poses[:, 3:66],
        "transl": translation,
        "jaw_pose": poses[:, 66:69],
        "leye_pose": poses[:, 69:72],
        "reye_pose": poses[:, 72:75],
        "left_hand_pose": poses[:, 75:120],
        "right_hand_pose": poses[:, 120:],
        "expression": _expression(clip),
    }


def _expression(clip: MotionClip) -> NDArray[np.float64]:
    values = np.zeros((clip.frames, _EXPRESSIONS))
    if clip.body is not None and clip.body.expression is not None:
        count = min(_EXPRESSIONS, clip.body.expression.shape[1])
        values[:, :count] = clip.body.expression[:, :count]
    return values


def _own_fields(clip: MotionClip) -> dict[str, NDArray[Any]]:
    music = clip.music or MusicTrack()
    labels = clip.labels or Labels()
    return {
        CLIP_KEY: np.frombuffer(encode(clip), np.uint8),
        "idance_up": np.array("+Z"),
        "idance_clip_id": np.array(clip.clip_id),
        "idance_genre": np.array(labels.genre),
        "idance_beats": music.beats,
        "idance_downbeats": music.downbeats,
        "idance_tempo_bpm": np.array(music.tempo_bpm),
        "idance_audio_sha256": np.array(music.sha256),
        "idance_joint_names": np.array(clip.skeleton.joint_names),
        "idance_parents": np.array(clip.skeleton.parents),
        "idance_offsets": clip.skeleton.offsets,
        "idance_provenance": np.array(json.dumps(list(clip.provenance), ensure_ascii=False)),
    }
