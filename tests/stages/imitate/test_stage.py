from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from infinitedance_cli.engine.inputs import Image
from infinitedance_cli.engine.placement import Placement
from infinitedance_cli.engine.run import answers
from infinitedance_cli.engine.task import Task
from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.motion.clip import Dataset, Group, MotionClip
from infinitedance_cli.motion.resample import with_joint_count
from infinitedance_cli.motion.skeleton import Skeleton
from infinitedance_cli.stages.imitate.config import ImitateConfig
from infinitedance_cli.stages.imitate.conformance import floating, standing, swaying
from infinitedance_cli.stages.imitate.grounding import GroundingConfig
from infinitedance_cli.stages.imitate.stage import Failures, imitate, load_engine, prepare
from infinitedance_cli.stream.codec import decode, encode


def dancer(frames: int = 30, fps: float = 30.0) -> MotionClip:
    """A body with hands and face that swings its arms."""
    return with_joint_count(swaying(frames, fps), 55)


def torn(frames: int = 40) -> MotionClip:
    """A body that stands, is suddenly 20 m away, and stands there."""
    clip = standing(frames)
    root = clip.root_position.copy()
    root[frames // 2 :, 0] += 20
    return replace(clip, clip_id="torn", root_position=root)


def run(clip: MotionClip, **settings: object) -> tuple[list[MotionClip], Failures]:
    failures = Failures()
    config = replace(ImitateConfig(), **settings)  # type: ignore[arg-type]
    return list(imitate([clip], load_engine("mujoco"), config, failures)), failures


def test_the_body_is_danced_and_the_rest_is_kept() -> None:
    group = Group({"odd": Dataset(np.arange(3), {})}, {"note": "kept"})
    clip = replace(dancer(30), extra={"mine": group})
    joints = clip.joint_rotation.copy()
    joints[:, 30] = [0.8, 0.6, 0, 0]
    clip = replace(clip, joint_rotation=joints)
    (result,), failures = run(clip)
    assert failures.lines == [] and failures.clips == 1
    np.testing.assert_array_equal(result.joint_rotation[:, 22:], joints[:, 22:])
    assert result.extra["mine"] is group
    assert np.abs(result.joint_rotation[:, :22] - joints[:, :22]).max() > 1e-4
    away = np.linalg.norm(result.joint_positions()[:, :22] - clip.joint_positions()[:, :22], axis=-1)
    assert away.mean() < 0.06
    assert [record["stage"] for record in result.provenance] == ["imitate"]


def test_the_report_adds_up_and_survives_the_stream() -> None:
    clip = dancer(30)
    (result,), _ = run(clip)
    physics = decode(encode(result), "test").extra["physics"]
    body, _ = prepare(clip, ImitateConfig())
    arrays = {name: member.values for name, member in physics.members.items() if isinstance(member, Dataset)}
    told = physics.attributes
    size = np.linalg.norm(arrays["root_force"], axis=1)
    assert told["root_wrench_bw"] == pytest.approx(size.mean() / (body.mass_kg * 9.81), rel=1e-4)
    assert told["energy_j"] == pytest.approx(arrays["power"].sum() / 30, rel=1e-4)
    assert (told["failed"], told["falls"], told["quality"], told["engine"]) == (False, 0, "fast", "mujoco")
    assert arrays["contact_force"].shape == (30, 3, 3) and "fall_frames" not in arrays


def test_a_fall_is_told_left_out_and_marked() -> None:
    kept, failures = run(torn())
    assert kept == [] and len(failures.lines) == 1
    assert failures.lines[0].startswith("torn at 0.")
    (marked,), again = run(torn(), keep_failed=True)
    assert again.lines == failures.lines
    physics = marked.extra["physics"]
    assert physics.attributes["failed"] is True
    assert physics.attributes["fell_at_s"] == pytest.approx(20 / 30, abs=0.2)
    assert marked.frames == 40 and np.isfinite(marked.root_position).all()
    np.testing.assert_allclose(marked.root_position[-1], torn().root_position[-1], atol=0.1)


@pytest.mark.parametrize("joints", [22, 55])
@pytest.mark.parametrize("fps", [24.0, 60.0, 120.0])
def test_joints_and_frame_rates(joints: int, fps: float) -> None:
    clip = dancer(40, fps)
    if joints == 22:
        clip = replace(clip, skeleton=clip.skeleton.first(22), joint_rotation=clip.joint_rotation[:, :22])
    (result,), _ = run(clip)
    assert (result.fps, result.frames, result.skeleton.joint_count) == (fps, 40, joints)
    away = np.linalg.norm(result.joint_positions()[:, :22] - clip.joint_positions()[:, :22], axis=-1)
    assert away.mean() < 0.06


def test_who_is_carried_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Without grounding, a body that hangs in the air is held by help of its whole weight."""
    config = GroundingConfig(floor=False)
    (carried,), _ = run(floating(), grounding=config)
    assert carried.extra["physics"].attributes["root_wrench_bw"] == pytest.approx(1.0, abs=0.05)
    assert "carried 1.00 of the body's weight" in caplog.text
    caplog.clear()
    (standing_again,), _ = run(floating())
    assert standing_again.extra["physics"].attributes["root_wrench_bw"] < 0.3
    assert caplog.text == ""


def test_what_no_body_can_dance_is_refused() -> None:
    clip = dancer(20)
    one = replace(clip, root_position=clip.root_position[:1], joint_rotation=clip.joint_rotation[:1])
    with pytest.raises(BadInput, match="clip swaying: it has 1 frames; a body needs 4"):
        run(one)
    tall = Skeleton(clip.skeleton.joint_names, clip.skeleton.parents, clip.skeleton.offsets * np.float32(100))
    with pytest.raises(BadInput, match="clip swaying: its skeleton is 173.4 m tall, so it is most likely in centim"):
        run(replace(clip, skeleton=tall, root_position=clip.root_position * np.float32(100)))
    path = clip.root_position * np.float32(100)
    path[:, 0] += np.arange(20) * 200
    with pytest.raises(
        BadInput, match="root is 100 m up while its skeleton is 1.73 m tall, so its path is most likely"
    ):
        run(replace(clip, root_position=clip.root_position * np.float32(100)))
    with pytest.raises(BadInput, match="most likely in centimetres"):
        run(replace(clip, root_position=path))


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no physics plug-in 'mujocco'; did you mean 'mujoco'"):
        load_engine("mujocco")


def test_workers_give_the_same_in_the_same_order() -> None:
    clips = [replace(dancer(12 + number), clip_id=f"clip{number}") for number in range(3)]
    clips.insert(1, torn(24))
    task = Task("infinitedance_cli.stages.imitate.work:open_stage", ImitateConfig())
    both = []
    for jobs in (1, 2):
        inputs = iter([Image(clip.clip_id, encode(clip)) for clip in clips])
        both.append([answer for _, answer in answers(inputs, task, Placement(jobs=jobs))])
    told = [[str(answer.error) for answer in one if answer.error] for one in both]
    assert told[0] == told[1] and len(told[0]) == 1 and told[0][0].startswith("the body fell in torn at 0.")
    alone, beside = ([value.image for answer in one for value in answer.values] for one in both)
    assert [decode(image, "").clip_id for image in alone] == ["clip0", "clip1", "clip2"]
    assert alone == beside
