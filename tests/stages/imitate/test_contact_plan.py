from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.imitate.body import build_body
from infinitedance_cli.stages.imitate.conformance import standing
from infinitedance_cli.stages.imitate.engines._contact_plan import ContactPlan
from infinitedance_cli.stages.imitate.engines._scene import Scene, build_scene
from infinitedance_cli.stages.imitate.reference import reference_states
from tests.stages.imitate.test_reference import thrown


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build_scene(build_body(standing().skeleton), 1 / 150)


def planned(scene: Scene, clip: MotionClip, height: float = 0.0, wanted: float = 0.0) -> np.ndarray:
    states = reference_states(clip, scene.order, 5, 0, clip.frames - 1)
    position = states.position[40].copy()
    position[1] += height
    ask = np.array([wanted, 0, 0, 0, 0, 0])
    return ContactPlan(scene).forces(position, states.velocity[40], states.acceleration[40], ask)


def test_the_floor_carries_who_stands(scene: Scene) -> None:
    assert np.linalg.norm(planned(scene, standing())[:6]) < 0.01 * scene.weight


def test_nothing_carries_who_hangs_in_the_air(scene: Scene) -> None:
    left = planned(scene, standing(), height=1.0)
    np.testing.assert_allclose(left[:3], [0, scene.weight, 0], atol=1e-3 * scene.weight)


def test_who_flies_freely_needs_nothing(scene: Scene) -> None:
    assert np.linalg.norm(planned(scene, thrown(spin=0.0))[:6]) < 0.02 * scene.weight


def test_friction_gives_a_push_up_to_its_limit(scene: Scene) -> None:
    """A push of 5 % of the weight is given by the floor, one of three times the weight is not."""
    weight = scene.weight
    assert np.linalg.norm(planned(scene, standing(), wanted=0.05 * weight)[:3]) < 0.02 * weight
    assert planned(scene, standing(), wanted=3 * weight)[0] > weight
