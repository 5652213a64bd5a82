from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.stages.evaluate.dances import Dance
from infinitedance_cli.stages.evaluate.metrics.spaces import RULES, feature_row, joint_features
from infinitedance_cli.stages.evaluate.reference import collect, load_reference, save_statistics
from infinitedance_cli.stages.evaluate.starter_statistics import training_dances
from infinitedance_cli.stream.ports import write_clips
from tests.motion.samples import standing_clip, wandering_clip
from tests.stages.evaluate import peers


def dances(count: int = 4, frames: int = 60) -> list[Dance]:
    return [Dance(str(seed), clip=wandering_clip(frames, seed, joints=22)) for seed in range(count)]


def test_statistics_come_back_as_they_were(tmp_path: Path) -> None:
    made = collect(dances(), "mine", RULES, 30)
    for name in ("a.npz", "b.npz"):
        with open(tmp_path / name, "wb") as file:
            save_statistics(made, file)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    found = load_reference(str(tmp_path / "a.npz"), "idance", None, None)
    assert (found.name, found.dances, found.sha256) == ("mine", 4, made.sha256)
    row = feature_row(wandering_clip(60, 2, joints=22).joint_positions(), RULES["idance"])
    np.testing.assert_allclose(found.features("idance")["kinetic"][2], row.kinetic, rtol=1e-5)


def test_the_hash_is_that_of_the_rows() -> None:
    made = collect(dances(), "mine", ["idance"], 30)
    assert made.sha256 == collect(dances(), "other name", ["idance"], 30).sha256
    assert made.sha256 != collect(dances(3), "mine", ["idance"], 30).sha256


def test_the_starter_has_every_rule_and_no_poses() -> None:
    found = load_reference("starter", "idance", None, None)
    assert found.rules.keys() == RULES.keys() and found.dances >= 50
    for name, features in found.rules.items():
        # The prepared dances have hands, which Bailando's and EDGE's rules count.
        kinetic = 72 if name in ("aist", "edge") else 66
        widths = {space: values.shape[1] for space, values in features.items()}
        assert widths == {"kinetic": kinetic, "geometric": 32, "joint": 132}


def test_short_dances_stand_for_nobody() -> None:
    assert collect([*dances(3), *dances(2, frames=20)], "mine", ["idance"], 30).dances == 3
    with pytest.raises(BadInput, match="1 dances of 30 frames"):
        collect(dances(1), "mine", ["idance"], 30)


def test_kinetic_features_are_cut_to_the_joints_that_all_have(tmp_path: Path) -> None:
    peers.write_edge(tmp_path / "a.pkl")
    peers.write_edge(tmp_path / "b.pkl")
    assert load_reference(str(tmp_path), "edge", None, None).features("edge")["kinetic"].shape == (2, 72)
    peers.write_lodge(tmp_path / "c.npy", 139)
    assert load_reference(str(tmp_path), "edge", None, None).features("edge")["kinetic"].shape == (3, 66)


def test_dances_in_a_file_are_a_reference(tmp_path: Path) -> None:
    write_clips([dance.clip for dance in dances() if dance.clip is not None], str(tmp_path / "real.h5"))
    found = load_reference(str(tmp_path / "real.h5"), "release", None, None)
    assert (found.name, found.dances) == ("real.h5", 4)
    with pytest.raises(BadInput, match="rules release, not 'aist'"):
        found.features("aist")


def test_the_features_of_the_release_are_read(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    names = np.array(["a", "b", "c"])
    np.savez(tmp_path / "gt.npz", names=names, kinetic=random.random((3, 72)), manual=random.random((3, 32)))
    found = load_reference(str(tmp_path / "gt.npz"), "release", None, None)
    assert found.dances == 3 and found.features("release")["kinetic"].shape == (3, 66)


def test_damaged_statistics(tmp_path: Path) -> None:
    for number, broken in enumerate(
        (
            {"idance/kinetic": np.zeros((3, 66))},
            {"idance/kinetic": np.zeros((3, 66)), "idance/geometric": np.zeros((2, 32))},
            {"idance/kinetic": np.full((3, 66), np.nan), "idance/geometric": np.zeros((3, 32))},
        )
    ):
        path = tmp_path / f"{number}.npz"
        np.savez(path, idance_statistics=np.array("1.0"), name=np.array("x"), **broken)
        with pytest.raises(BadInput, match="damaged"):
            load_reference(str(path), "idance", None, None)
    np.savez(tmp_path / "v.npz", idance_statistics=np.array("2.0"), name=np.array("x"))
    with pytest.raises(BadInput, match=r"version 2\.0"):
        load_reference(str(tmp_path / "v.npz"), "idance", None, None)
    with pytest.raises(BadInput, match="no such reference"):
        load_reference(str(tmp_path / "none"), "idance", None, None)


def test_joint_features_do_not_know_place_or_heading() -> None:
    from infinitedance_cli.motion.mirror import turn_heading

    clip = wandering_clip(40, joints=22)
    turned = turn_heading(clip, 1.1, about=(3.0, -2.0))
    np.testing.assert_allclose(
        joint_features(clip.joint_positions()), joint_features(turned.joint_positions()), atol=1e-4
    )
    still = joint_features(standing_clip(10).joint_positions())
    assert np.abs(still[66:]).max() < 1e-6 and still[3 * 1] > 0.05  # the left hip is on +x


def test_only_training_dances_go_into_the_starter() -> None:
    from dataclasses import replace

    from infinitedance_cli.motion.clip import Group, Labels

    def prepared(split: str, genre: str, frames: int) -> object:
        clip = wandering_clip(frames, joints=22)
        return replace(clip, labels=Labels(genre), extra={"dataset": Group(attributes={"split": split})})

    clips = [
        prepared("train", "ballet", 2100),
        prepared("held_out", "ballet", 300),
        prepared("train", "other", 300),
        wandering_clip(300),
    ]
    assert [dance.frames for dance in training_dances(clips)] == [1024, 1024, 52]  # type: ignore[arg-type]
