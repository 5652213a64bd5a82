from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import default_skeleton
from infinitedance_cli.stages.imitate.body import SimulatedBody, build_body
from infinitedance_cli.stages.imitate.config import ImitateConfig
from infinitedance_cli.stages.imitate.conformance import swaying
from infinitedance_cli.stages.imitate.engines._imitation import placed
from infinitedance_cli.stages.imitate.engines._rollout import Help, Outcome, Rollout
from infinitedance_cli.stages.imitate.engines._scene import Scene, build_scene
from infinitedance_cli.stages.imitate.engines._simulation import Simulation
from infinitedance_cli.stages.imitate.reference import reference_states
from infinitedance_cli.stages.imitate.stage import Failures, imitate, load_engine
from infinitedance_cli.stream.codec import decode, encode
from tests.conftest import RunIdance

pytest.importorskip("mujoco_warp", reason="the extra 'warp' is not installed")

TOLERANCE_M, TOLERANCE_QUATERNION, TOLERANCE_N = 1e-5, 1e-5, 1.0
"""To C MuJoCo, which computes in double precision: metres, quaternion components, newtons."""


def lunging(frames: int = 8, scale: float = 1.0) -> MotionClip:
    """A body that sways and sets off sideways, so that contacts come and go; `scale` of all bones.

    It stands a millimetre in the floor's margin: where a contact begins exactly at it, rounding tells when.
    """
    clip = swaying(frames)
    skeleton = replace(clip.skeleton, offsets=clip.skeleton.offsets * np.float32(scale))
    root = clip.root_position * np.float32(scale)
    root[:, 1] -= 0.001
    root[:, 0] += 0.4 * (np.arange(frames) / clip.fps) ** 2
    return replace(clip, skeleton=skeleton, root_position=root)


def given(clip: MotionClip) -> tuple[SimulatedBody, MotionClip]:
    return build_body(clip.skeleton), clip


def rollout(scene: Scene, clip: MotionClip, help_: Help, push: float = 0.0) -> Rollout:
    states = reference_states(clip, scene.order, 5, 0, clip.frames - 1)
    start = placed(scene, states.position[0], states.velocity[0])
    correction = np.zeros((len(states.position), 6))
    correction[:, 0] = push
    return Rollout(scene, start, states, clip.joint_positions().astype(np.float64), help_, correction)


def simulated(rollouts: Sequence[Rollout]) -> list[Outcome]:
    from infinitedance_cli.stages.imitate.engines._warp_simulation import WarpSimulation

    return WarpSimulation("cpu").run(rollouts)


def assert_same(found: Outcome, expected: Outcome) -> None:
    one, other = found.window, expected.window
    assert one.lost_at == other.lost_at
    np.testing.assert_allclose(one.position[:, :3], other.position[:, :3], atol=TOLERANCE_M)
    np.testing.assert_allclose(one.position[:, 3:], other.position[:, 3:], atol=TOLERANCE_QUATERNION)
    np.testing.assert_allclose(one.away, other.away, atol=TOLERANCE_M)
    for name in ("wrench", "contact_force", "power"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=TOLERANCE_N, err_msg=name)
    np.testing.assert_allclose(found.state.position, expected.state.position, atol=TOLERANCE_M)


def test_bodies_helps_and_lengths_of_their_own_in_one_batch_as_in_mujoco() -> None:
    """Three worlds: two bodies of different size, one clip shorter, other help, a push asked of the floor."""
    clips = [lunging(8), lunging(6, 0.9), lunging(8)]
    scenes = [build_scene(build_body(clip.skeleton), 1 / 150) for clip in clips]
    asked = [
        rollout(scenes[0], clips[0], Help(8, 10)),
        rollout(scenes[1], clips[1], Help(12, 16)),
        rollout(scenes[2], clips[2], Help(4, 6, 0.0), push=0.1 * scenes[2].weight),
    ]
    for found, one in zip(simulated(asked), asked, strict=True):
        assert_same(found, Simulation(one.scene).run(one))


def test_a_body_that_falls_is_lost_in_the_same_frame() -> None:
    clip = lunging(8)
    root = clip.root_position.copy()
    root[3:, 2] += 20.0
    clip = replace(clip, root_position=root)
    one = rollout(build_scene(build_body(clip.skeleton), 1 / 150), clip, Help(8, 10))
    (found,) = simulated([one])
    expected = Simulation(one.scene).run(one)
    assert found.window.lost_at is not None and found.window.lost_at == expected.window.lost_at


def test_room_for_contacts_grows_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A standing body has 12 contacts; batches begin with room for 4."""
    from infinitedance_cli.stages.imitate.engines import _warp_simulation

    monkeypatch.setattr(_warp_simulation, "_CONTACTS", 4)
    clip = lunging(4)
    one = rollout(build_scene(build_body(clip.skeleton), 1 / 150), clip, Help(8, 10))
    assert_same(simulated([one])[0], Simulation(one.scene).run(one))


def test_clips_side_by_side_are_as_alone_and_as_the_default_engine_makes_them() -> None:
    engine, default = load_engine("mujoco-warp"), load_engine("mujoco")
    clips = [given(lunging(6)), given(lunging(5, 0.9))]
    together = engine.track_many(clips, "fast")  # type: ignore[attr-defined]
    for (body, reference), found in zip(clips, together, strict=True):
        alone, expected = (each.track(body, reference, "fast") for each in (engine, default))
        np.testing.assert_allclose(found.joint_rotation, alone.joint_rotation, atol=1e-6)
        np.testing.assert_allclose(found.root_position, expected.root_position, atol=TOLERANCE_M)
        np.testing.assert_allclose(found.joint_rotation, expected.joint_rotation, atol=TOLERANCE_QUATERNION)
        np.testing.assert_allclose(found.contact_force, expected.contact_force, atol=TOLERANCE_N)
        assert found.falls == ()


def test_the_stage_gives_it_many_clips_and_keeps_their_order() -> None:
    clips = [replace(lunging(5), clip_id=name) for name in "abc"]
    results = list(imitate(clips, load_engine("mujoco-warp"), ImitateConfig(), Failures()))
    assert [clip.clip_id for clip in results] == ["a", "b", "c"]
    assert all(clip.extra["physics"].attributes["engine"] == "mujoco-warp" for clip in results)
    assert results[0].skeleton.joint_count == default_skeleton(22).joint_count


def test_nothing_but_clips_goes_to_stdout(run_idance: RunIdance) -> None:
    """Warp greets on stdout, and tells there of every kernel that it compiles."""
    result = run_idance("imitate", "--engine", "mujoco-warp", input=encode(lunging(4)), stdin=None)
    assert result.returncode == 0, result.stderr
    assert decode(result.stdout, "stdout").frames == 4
