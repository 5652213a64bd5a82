from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.skeleton import Skeleton, default_skeleton
from infinitedance_cli.stages.imitate.body import build_body


def scaled(factor: float) -> Skeleton:
    skeleton = default_skeleton()
    return replace(skeleton, offsets=skeleton.offsets * np.float32(factor))


def test_24_parts_and_a_mass_that_grows_with_the_square_of_height() -> None:
    body, small = build_body(default_skeleton()), build_body(scaled(0.8))
    assert len(body.parts) == 24
    assert sum(part.mass for part in body.parts) == pytest.approx(22 * body.height_m**2)
    assert small.height_m == pytest.approx(0.8 * body.height_m, rel=1e-3)
    assert small.mass_kg == pytest.approx(0.64 * body.mass_kg, rel=1e-3)


def test_bones_are_the_skeletons() -> None:
    skeleton = default_skeleton()
    body = build_body(skeleton)
    for joint, part in enumerate(body.parts[:22]):
        np.testing.assert_allclose(part.offset, skeleton.offsets[joint], atol=1e-7)
        assert (part.name, part.parent) == (skeleton.joint_names[joint], skeleton.parents[joint])
    assert [part.jointed for part in body.parts] == [True] * 22 + [False] * 2


def test_left_mirrors_right() -> None:
    parts = {part.name: part for part in build_body(default_skeleton()).parts}
    for name, part in parts.items():
        if name.startswith("left_"):
            other = parts[name.replace("left_", "right_")]
            assert part.mass == pytest.approx(other.mass)
            reach = [sum(abs(shape.end[0] + shape.start[0]) for shape in each.shapes) for each in (part, other)]
            assert reach[0] == pytest.approx(reach[1], abs=2e-3), name


def test_soles_touch_the_floor_in_the_rest_pose() -> None:
    skeleton = default_skeleton()
    rest, body = skeleton.rest_positions(), build_body(skeleton)
    lowest = [
        rest[joint, 1] + shape.start[1] - shape.radius
        for joint in (7, 8, 10, 11)
        for shape in body.parts[joint].shapes
        if shape.touches == "floor"
    ]
    assert len(lowest) == 12
    np.testing.assert_allclose(lowest, 0.0, atol=1e-6)


@pytest.mark.parametrize(("factor", "unit"), [(100, "centimetres"), (1000, "millimetres"), (39.37, "inches")])
def test_other_units_are_found_out_and_named(factor: float, unit: str) -> None:
    with pytest.raises(BadInput, match=f"most likely in {unit}"):
        build_body(scaled(factor))


def test_what_is_no_person_is_refused() -> None:
    with pytest.raises(BadInput, match="expected a person"):
        build_body(scaled(0.2))
    skeleton = default_skeleton()
    with pytest.raises(BadInput, match="not SMPL-X's"):
        build_body(Skeleton(("hip", *skeleton.joint_names[1:]), skeleton.parents, skeleton.offsets))
    offsets = skeleton.offsets.copy()
    offsets[18] = 0
    with pytest.raises(BadInput, match="left_shoulder has no length"):
        build_body(replace(skeleton, offsets=offsets))
