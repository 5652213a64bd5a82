from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli import plugins
from infinitedance_cli.motion.skeleton import default_skeleton
from infinitedance_cli.stages.imitate.body import build_body
from infinitedance_cli.stages.imitate.conformance import check_engine, swaying
from infinitedance_cli.stages.imitate.engines._scene import build_scene
from infinitedance_cli.stages.imitate.stage import load_engine

CHECKED_ELSEWHERE = {"mujoco-warp"}
"""On a CPU it takes minutes: test_mujoco_warp compares it with `mujoco`, bench_imitate_gpu checks all of it."""


@pytest.mark.parametrize("name", [name for name in plugins.names("physics") if name not in CHECKED_ELSEWHERE])
def test_every_engine_conforms(name: str) -> None:
    check_engine(name)


def test_the_default_engine_is_there() -> None:
    assert "mujoco" in plugins.names("physics")


def test_physical_quality_needs_less_help_than_fast() -> None:
    reference = swaying(14)
    body, engine = build_body(reference.skeleton), load_engine("mujoco")
    help_ = [np.linalg.norm(engine.track(body, reference, quality).root_force) for quality in ("fast", "physical")]
    assert help_[1] < 0.8 * help_[0]


def test_the_scene_has_the_bodys_mass_and_joints() -> None:
    body = build_body(default_skeleton())
    scene = build_scene(body, 1 / 150)
    assert scene.model.body_mass.sum() == pytest.approx(body.mass_kg)
    assert (scene.model.nv, scene.model.nq) == (6 + 21 * 3, 7 + 21 * 4)
    assert sorted(scene.order) == list(range(22))
    np.testing.assert_allclose(scene.model.opt.gravity, [0, -9.81, 0])
