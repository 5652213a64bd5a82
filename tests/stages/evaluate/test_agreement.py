"""Every published figure against the definition read frame by frame, to 1e-4 of its size."""

from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.evaluate.config import EvaluateConfig
from infinitedance_cli.stages.evaluate.dances import Dance
from infinitedance_cli.stages.evaluate.figures import Beats, Measured, measure
from infinitedance_cli.stages.evaluate.mesh_pose import mesh_pose
from infinitedance_cli.stages.evaluate.protocols import PROTOCOLS
from infinitedance_cli.stages.evaluate.reference import collect
from infinitedance_cli.stages.evaluate.stage import Evaluation
from tests.motion.samples import wandering_clip
from tests.stages.evaluate import slow, slow_penetration

BEATS = np.array([0.21, 0.74, 1.33, 1.81, 2.4, 4.9])
CLOSE = 1e-4


def dance(seed: int = 3, frames: int = 90, joints: int = 22) -> MotionClip:
    clip = wandering_clip(frames, seed, joints=joints, turn=0.03)
    # Feet near the floor now and then, so that every figure has something to say.
    low = clip.joint_positions()[:, 7:12, 1].min(axis=1)
    root = clip.root_position.copy()
    root[:, 1] -= low - 0.02
    return MotionClip(clip.clip_id, clip.skeleton, clip.fps, root, clip.joint_rotation)


def joints_of(clip: MotionClip) -> np.ndarray:
    return clip.joint_positions()[:, :24].astype(np.float64)


def measured(clip: MotionClip, protocol: str) -> Measured:
    return measure(Dance(clip.clip_id, clip=clip), PROTOCOLS[protocol], Beats(BEATS, "given"))


@pytest.mark.parametrize("protocol", ["infinitedance", "lodge"])
def test_release_and_lodge(protocol: str) -> None:
    clip = dance(joints=55)
    joints, found = joints_of(clip), measured(clip, protocol)
    assert found.row is not None
    framed = slow.relative_frame(joints[:, :22])
    np.testing.assert_allclose(found.row.kinetic, slow.kinetic(framed), rtol=CLOSE)
    np.testing.assert_allclose(found.row.geometric, slow.geometric(framed), rtol=CLOSE)
    # The last beat lies beyond the motion: the release drops it, LODGE does not, and counts jaw and left eye too.
    frames = [float(round(beat * 30)) for beat in BEATS]
    whole = joints if protocol == "lodge" else joints[:, :22]
    heard = frames if protocol == "lodge" else frames[:-1]
    assert found.figures["bas"] == pytest.approx(slow.beat_alignment(heard, slow.motion_beats(whole)), rel=CLOSE)


def test_bailando_at_sixty_frames_a_second() -> None:
    clip = dance(frames=130)
    clip = MotionClip(clip.clip_id, clip.skeleton, 60.0, clip.root_position, clip.joint_rotation)
    joints, found = joints_of(clip), measured(clip, "bailando")
    assert found.row is not None
    framed = slow.start_frame(joints)
    np.testing.assert_allclose(found.row.kinetic, slow.kinetic(framed), rtol=CLOSE)
    np.testing.assert_allclose(found.row.geometric, slow.geometric(framed), rtol=CLOSE)
    heard = [float(round(beat * 60)) for beat in BEATS if round(beat * 60) < 129]
    assert found.figures["bas"] == pytest.approx(slow.beat_alignment(heard, slow.motion_beats(joints)), rel=CLOSE)


def test_edge_takes_all_frames_at_thirty() -> None:
    clip = dance(frames=70)
    found = measured(clip, "edge")
    assert found.row is not None
    framed = slow.start_frame(joints_of(clip), None)
    np.testing.assert_allclose(found.row.kinetic, slow.kinetic(framed), rtol=CLOSE)
    np.testing.assert_allclose(found.row.geometric, slow.geometric(framed), rtol=CLOSE)


def test_ours_mends_what_it_says() -> None:
    clip = dance()
    joints, found = joints_of(clip), measured(clip, "idance")
    assert found.row is not None
    framed = slow.relative_frame(joints)
    np.testing.assert_allclose(found.row.kinetic, slow.kinetic(framed, 1 / 30, mended=True), rtol=CLOSE)
    np.testing.assert_allclose(found.row.geometric, slow.geometric(joints, 30.0, mended=True), rtol=CLOSE)
    heard = [beat * 30 for beat in BEATS[:-1]]
    assert found.figures["bas"] == pytest.approx(slow.beat_alignment(heard, slow.motion_beats(joints)), rel=CLOSE)
    toe = float(clip.skeleton.rest_positions()[10, 1])
    assert found.figures["fsr"] == pytest.approx(slow.strict_sliding(joints, toe), rel=CLOSE)
    assert found.figures["foot_slide"] == pytest.approx(slow.planted_slide(joints, toe), rel=CLOSE)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sliding_pfc_jitter_and_penetration(seed: int) -> None:
    clip = dance(seed)
    joints, found = joints_of(clip), measured(clip, "infinitedance").figures
    feet = np.array(slow.lodge_sliding(joints))
    assert found["fsr"] == pytest.approx(float(np.nanmean(feet)), rel=CLOSE)
    assert found["pfc"] == pytest.approx(slow.pfc(joints), rel=CLOSE)
    assert found["jitter"] == pytest.approx(slow.jitter(joints), rel=CLOSE)
    root, turns = mesh_pose(Dance("", clip=clip))
    whole = np.tile(np.array([1.0, 0, 0, 0]), (len(root), 55, 1))
    whole[:, :22] = turns
    expected = slow_penetration.penetration(root, whole)
    assert expected > 0
    assert found["penetration"] == pytest.approx(expected, rel=CLOSE)


def test_fid_and_diversity_of_sets() -> None:
    made = [Dance(str(seed), clip=wandering_clip(60, seed, joints=22)) for seed in range(100)]
    real = [Dance(str(seed), clip=wandering_clip(60, seed, joints=22)) for seed in range(100, 220)]
    reference = collect(real, "real", ["release"], 4)
    evaluation = Evaluation(EvaluateConfig("infinitedance", bootstrap=0), reference, lambda dance: None)
    rows = [evaluation.add(one).row for one in made]
    report = evaluation.report()
    base = reference.features("release")
    for name, space in (("k", "kinetic"), ("g", "geometric")):
        theirs = base[space].astype(np.float64)
        mean, spread = theirs.mean(axis=0), theirs.std(axis=0) + 1e-10
        mine = np.array([getattr(row, space) for row in rows])
        ours, norm = (mine - mean) / spread, (theirs - mean) / spread
        # Features that never vary in the reference blow up by 1e10 in the published code, and here.
        assert report.figures[f"div_{name}"].value == pytest.approx(slow.mean_pair_distance(ours), rel=CLOSE)
        assert report.figures[f"fid_{name}"].value == pytest.approx(slow.fid(ours, norm), rel=CLOSE)
