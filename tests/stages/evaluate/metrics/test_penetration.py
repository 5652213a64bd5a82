from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.body.mesh import load_open_body, skin
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.skeleton import default_skeleton
from infinitedance_cli.stages.evaluate.metrics.body_parts import VERTICES, parted_body, spread
from infinitedance_cli.stages.evaluate.metrics.penetration import inside_body, penetration, place


def standing(frames: int = 4, drop: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    root = np.repeat(default_skeleton().rest_positions()[:1], frames, axis=0)
    root[:, 1] -= drop
    return root, rotation.identity(frames, 55)


def hand_in_chest(frames: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The left arm swung forward and bent until the hand is in the chest."""
    root, turns = standing(frames)
    turns[:, 16] = rotation.from_axis_angle(np.array([0.0, -1.5, 1.0]))
    turns[:, 18] = rotation.from_axis_angle(np.array([0.0, -2.3, 0.0]))
    return root, turns


def winding_number(point: np.ndarray, triangles: np.ndarray) -> float:
    """How often a closed surface (F, 3, 3) goes round a point (van Oosterom and Strackee)."""
    a, b, c = np.moveaxis(triangles - point, 1, 0)
    la, lb, lc = (np.linalg.norm(side, axis=1) for side in (a, b, c))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c))
    rest = la * lb * lc + np.einsum("ij,ij->i", a, b) * lc + np.einsum("ij,ij->i", a, c) * lb
    rest += np.einsum("ij,ij->i", b, c) * la
    return float(2 * np.arctan2(volume, rest).sum() / (4 * np.pi))


def test_standing_on_the_floor_penetrates_nothing() -> None:
    found = penetration(*standing())
    assert (found.rate, found.floor, found.body, found.floor_frames, found.floor_depth_mm) == (0, 0, 0, 0, 0)


def test_sinking_is_measured_in_millimetres() -> None:
    found = penetration(*standing(drop=0.02))
    lowest = -float(load_open_body().vertices[:, 1].min()) + 0.02
    assert found.floor_frames == 1.0
    assert found.floor_depth_mm == pytest.approx(1000 * lowest, abs=1.5)
    assert 0 < found.floor < 0.06 and found.body == 0.0
    root, turns = standing()
    root[2:, 1] -= 0.02
    half = penetration(root, turns)
    assert half.floor_frames == 0.5 and half.floor == pytest.approx(found.floor / 2)


def test_a_hand_in_the_chest_is_inside_by_the_winding_number() -> None:
    root, turns = hand_in_chest()
    body, whole = parted_body(), load_open_body()
    placed = place(body, root, turns)
    inside = inside_body(body, placed)[0]
    assert inside.sum() >= 6
    triangles = skin(whole, root, turns)[0][whole.faces].astype(np.float64)
    hand = next(part for part in body.parts if part.name == "left hand").rows
    assert inside[hand].any()
    for vertex in np.flatnonzero(inside):
        # A vertex lies on its own skin (one half) and, flagged, inside once more.
        assert winding_number(placed.vertices[0, vertex].astype(np.float64), triangles) > 1.2
    # Of vertices that the mesh says are inside, ours finds more than half: those near the skin are let go.
    others = [v for v in range(hand.start, hand.stop) if not inside[v]]
    missed = [v for v in others if winding_number(placed.vertices[0, v].astype(np.float64), triangles) > 1.2]
    assert len(missed) < inside[hand].sum()


def test_neighbours_may_touch() -> None:
    root, turns = standing(1)
    turns[:, 4] = rotation.from_axis_angle(np.array([2.2, 0.0, 0.0]))  # a knee bent far
    turns[:, 18] = rotation.from_axis_angle(np.array([0.0, -2.2, 0.0]))  # an elbow bent far
    assert penetration(root, turns).body < 2 / VERTICES


def test_missing_fingers_rest() -> None:
    root, turns = hand_in_chest(3)
    assert penetration(root, turns[:, :22]) == penetration(root, turns)


def test_vertices_are_spread() -> None:
    points = np.array([[0, 0, 0], [0.1, 0.1, 0], [5, 1, 0], [0, 4, 0]], dtype=np.float32)
    assert spread(points, 3).tolist() == [0, 2, 3]
    body = parted_body()
    assert body.parts[-1].rows.stop == VERTICES < len(body.mesh.vertices)
    assert all(part.rows.stop - part.rows.start >= 8 for part in body.parts)
