from __future__ import annotations

from dataclasses import replace

import numpy as np

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.imitate.conformance import swaying
from infinitedance_cli.stages.imitate.pieces import in_pieces


def test_a_long_clip_comes_together_again() -> None:
    clip = swaying(30 * 150)
    walked = clip.root_position + np.arange(clip.frames, dtype=np.float32)[:, None] * np.float32(0.01)
    clip = replace(clip, root_position=walked)
    lengths = []

    def work(piece: MotionClip) -> MotionClip:
        lengths.append(piece.frames)
        return piece

    result = in_pieces(clip, work)
    assert len(lengths) > 3
    assert max(lengths) < 30 * 55
    np.testing.assert_allclose(result.root_position, clip.root_position, atol=1e-5)
    assert np.abs((result.joint_rotation * clip.joint_rotation).sum(axis=-1)).min() > 1 - 1e-5


def test_pieces_that_disagree_go_over_smoothly() -> None:
    clip = swaying(30 * 80)
    counted = iter(range(9))

    def work(piece: MotionClip) -> MotionClip:
        return replace(piece, root_position=piece.root_position + np.float32(0.1 * next(counted)))

    steps = np.diff(in_pieces(clip, work).root_position[:, 0])
    assert 0 < steps.max() < 0.005
    assert abs(steps.sum() - 0.1) < 1e-4


def test_a_short_clip_is_worked_on_at_once() -> None:
    clip = swaying(60)
    assert in_pieces(clip, lambda piece: piece) is clip
