from __future__ import annotations

import math

import numpy as np
import pytest

from infinitedance_cli.stages.capture.landmarks import Region, geometry

UP = math.pi / 2


def test_a_region_of_an_axis_is_turned_so_that_the_axis_points_up() -> None:
    upright = geometry.from_axis(np.array([100, 200]), np.array([100, 150]), UP, 1.25)
    assert (upright.x, upright.y, upright.size, upright.angle) == pytest.approx((100, 200, 125, 0))
    lying = geometry.from_axis(np.array([100, 200]), np.array([150, 200]), UP, 1.0)
    assert (lying.size, lying.angle) == pytest.approx((100, UP))  # head to the right: turned clockwise by a quarter
    assert geometry.from_axis(np.zeros(2), np.array([0, 10]), -UP, 1.0).angle == pytest.approx(0)


def test_points_of_a_crop_come_back_to_the_pixels_that_they_were_cut_from() -> None:
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[80:86, 190:196] = 255  # a spot about (193, 83)
    for angle in (0.0, 0.7, -2.0):
        region = Region(180, 90, 120, angle)
        cut = geometry.crop(picture, region, 64, repeat_edge=False)
        rows, columns = np.nonzero(cut[..., 0] > 200)
        place = np.array([[columns.mean(), rows.mean()]]) / 64
        assert geometry.to_picture(place, region)[0] == pytest.approx((192.5, 82.5), abs=1.0)


def test_beyond_the_picture_is_black_or_its_edge() -> None:
    picture = np.full((10, 10, 3), 200, np.uint8)
    outside = Region(-20, 5, 10)
    assert (geometry.crop(picture, outside, 8, repeat_edge=True) == 200).all()
    assert (geometry.crop(picture, outside, 8, repeat_edge=False) == 0).all()


def test_a_turned_region_holds_all_points_and_no_more() -> None:
    angle = math.radians(30)
    corners = np.array([[-2, -1], [2, -1], [2, 1], [-2, 1]], float)
    points = corners @ geometry.turn(angle).T + (50, 60)
    region = geometry.around(points, angle, 1.0)
    assert (region.x, region.y, region.size, region.angle) == pytest.approx((50, 60, 4, angle), abs=1e-5)
    lifted = geometry.around(points, angle, 2.0, shift=-0.5)  # half the box's height, 1, against its own down axis
    down = np.array([-math.sin(angle), math.cos(angle)])
    assert (lifted.x, lifted.y) == pytest.approx(tuple(np.array([50, 60]) - down), abs=1e-5)
    assert lifted.size == pytest.approx(8)


def test_agreement_is_measured_in_the_axes_and_the_size_of_the_second() -> None:
    region = Region(100, 100, 50, 0.5)
    limits = {"angle": 0.1, "shift": 0.2, "scale": 0.4}
    assert geometry.agree(Region(107, 104, 65, 0.55), region, **limits)
    assert not geometry.agree(Region(115, 100, 50, 0.5), region, **limits)
    assert not geometry.agree(Region(100, 100, 71, 0.5), region, **limits)
    assert not geometry.agree(Region(100, 100, 50, 0.61), region, **limits)
    assert geometry.agree(Region(100, 100, 50, math.pi - 0.01), Region(100, 100, 50, -math.pi + 0.01), **limits)


def test_a_steadied_region_follows_large_changes_at_once_and_small_ones_slowly() -> None:
    before = Region(100, 100, 100, math.pi - 0.05)
    small = geometry.steadied(before, Region(101, 100, 100, math.pi - 0.05))
    assert small.x == pytest.approx(100 + 0.15)  # a tenth, and five times the hundredth that it moved
    assert geometry.steadied(before, Region(130, 90, 90, 0.0)) == Region(130, 90, 90, 0.0)
    across = geometry.steadied(before, Region(100, 100, 100, -math.pi + 0.05))
    assert abs(geometry.normal_angle(across.angle - before.angle)) < 0.1, "it turns the short way round"


def test_overlap_of_boxes() -> None:
    assert geometry.overlap(np.array([0, 0, 2, 2]), np.array([1, 0, 3, 2])) == pytest.approx(1 / 3)
    assert geometry.overlap(np.array([0, 0, 1, 1]), np.array([2, 2, 3, 3])) == 0
