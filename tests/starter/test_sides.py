"""Held-out clips are either for choosing or for measuring, and the network never sees what measures."""

from __future__ import annotations

from dataclasses import replace

from infinitedance_cli.motion.clip import Group
from infinitedance_cli.starter.retrain import without_test
from infinitedance_cli.starter.sources import describe, is_validation
from tests.motion.samples import standing_clip

G1 = ("B_WiggleDance", "J_Dance12_LushLife", "J_Dance4_Broadway", "J_Dance5_Hype", "J_ShortDance14_Disco")
CMU = ("005_07", "005_11", "005_13", "85_04")
DANCERS = ("d03", "d05", "d09", "d11", "d15", "d18", "d21", "d24", "d26", "d30")


def names(source: str) -> list[str]:
    if source == "aistpp":
        return [f"gPO_sBM_c01_{dancer}_mPO1_ch02__1" for dancer in DANCERS]
    return [f"dance__{title}" for title in G1] if source == "g1_moves" else list(CMU)


def test_every_other_recording_of_a_source_chooses() -> None:
    """By name, from the second on; of AIST++ by dancer, all of whose segments are on one side."""
    for source in ("g1_moves", "cmu_mocap", "aistpp"):
        stems = sorted(names(source))
        assert all(describe(source, stem).held_out for stem in stems)
        assert [is_validation(source, stem) for stem in stems] == [index % 2 == 1 for index in range(len(stems))]
    assert is_validation("aistpp", "gBR_sBM_c01_d05_mBR0_ch02__6")


def test_training_is_given_no_test_clip() -> None:
    clips = []
    for source, stem, split in (
        ("g1_moves", "dance__J_Dance2_Salsa", "train"),
        ("g1_moves", "dance__J_Dance5_Hype", "held_out"),
        ("g1_moves", "dance__B_WiggleDance", "held_out"),
        ("aistpp", "gBR_sBM_c01_d05_mBR0_ch02__1", "held_out"),
        ("aistpp", "gKR_sBM_c01_d30_mKR2_ch02__1", "held_out"),
        ("aistpp", "gWA_sBM_c01_d26_mWA0_ch02__1", "held_out"),
    ):
        facts = Group(attributes={"source": source, "split": split})
        clips.append(replace(standing_clip(2), clip_id=stem, extra={"dataset": facts}))
    assert [clip.clip_id for clip in without_test(clips)] == [clips[i].clip_id for i in (0, 1, 3, 4)]
