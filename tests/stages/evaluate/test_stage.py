"""Reports over several dances, what is passed on, and what crosses a condition."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import MusicTrack
from infinitedance_cli.stages.evaluate.conditions import parse_condition
from infinitedance_cli.stages.evaluate.config import EvaluateConfig
from infinitedance_cli.stages.evaluate.dances import Dance
from infinitedance_cli.stages.evaluate.figures import CLIP_FIGURES, FIGURES
from infinitedance_cli.stages.evaluate.metrics.spaces import joint_features
from infinitedance_cli.stages.evaluate.music import beat_source
from infinitedance_cli.stages.evaluate.protocols import PROTOCOLS, statement
from infinitedance_cli.stages.evaluate.reference import collect, load_reference
from infinitedance_cli.stages.evaluate.report import as_json, as_junit, as_table
from infinitedance_cli.stages.evaluate.stage import Evaluation, Report
from infinitedance_cli.stages.evaluate.work import judge
from tests.motion.samples import standing_clip, wandering_clip


def dancing(seed: int = 0, frames: int = 90) -> Dance:
    clip = replace(wandering_clip(frames, seed, joints=22), music=MusicTrack(beats=np.arange(0.2, 3.0, 0.5)))
    return Dance(clip.clip_id, clip=clip)


def standing(name: str = "still", frames: int = 60) -> Dance:
    return Dance(name, clip=replace(standing_clip(frames), clip_id=name))


def evaluated(dances: Sequence[Dance], conditions: Sequence[str] = (), **settings: object) -> Report:
    config = replace(EvaluateConfig(bootstrap=50), **settings)  # type: ignore[arg-type]
    reference = load_reference("starter", PROTOCOLS[config.protocol].features, None, None)
    evaluation = Evaluation(config, reference, beat_source(""))
    for dance in dances:
        evaluation.add(dance)
    return evaluation.report([parse_condition(text) for text in conditions])


def test_standing_still_is_perfect_but_for_the_dance() -> None:
    row = evaluated([standing()]).clips[0].figures
    for name in ("fsr", "pfc", "jitter", "penetration", "foot_slide", "floor_depth", "floor_frames", "float", "speed"):
        assert row[name] == pytest.approx(0.0, abs=1e-6), name
    assert row["contact"] == 1.0 and row["frozen"] == pytest.approx(59 / 30)
    assert row["bas"] is None and row["beat_gap"] is None


def test_figures_of_the_set_are_means_of_those_that_have_them() -> None:
    report = evaluated([dancing(0), dancing(1), standing()])
    values = [clip.figures["jitter"] for clip in report.clips]
    assert report.figures["jitter"].value == pytest.approx(np.mean(values))  # type: ignore[arg-type]
    assert (report.figures["jitter"].clips, report.figures["bas"].clips) == (3, 2)
    assert list(report.figures) == list(FIGURES)
    with pytest.raises(BadInput, match="no clips"):
        evaluated([])


def test_one_clip_has_no_distribution() -> None:
    report = evaluated([dancing()])
    assert report.figures["fid_k"].value is None and report.figures["div_g"].value is None
    assert report.figures["jitter"].low is None
    assert report.distances["kinetic"]["generated_real"] is not None


def test_a_clip_too_short_for_jerk_is_listed_without_figures(caplog: pytest.LogCaptureFixture) -> None:
    report = evaluated([dancing(0), dancing(1, frames=3), dancing(2)])
    assert set(report.clips[1].figures.values()) == {None}
    assert report.figures["fid_k"].clips == 2 and "it has 3 frames" in caplog.text


def test_distances_to_retrieved_dances_by_hand() -> None:
    mine, real, retrieved = ([dancing(seed) for seed in seeds] for seeds in ((0, 1), (2, 3, 4), (5, 6)))
    config = EvaluateConfig(bootstrap=0)
    sets = [collect(dances, name, ["idance"], 4) for dances, name in ((real, "real"), (retrieved, "retrieved"))]
    evaluation = Evaluation(config, sets[0], beat_source(""), sets[1])
    for dance in mine:
        evaluation.add(dance)
    found = evaluation.report().distances

    def joints(dances: Sequence[Dance]) -> list[np.ndarray]:
        return [joint_features(dance.positions(30.0)) for dance in dances]

    def mean(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
        return float(np.mean([np.linalg.norm(one - other) for one, other in pairs]))

    a, b, c = joints(mine), joints(real), joints(retrieved)
    assert found["joint"]["generated_real"] == pytest.approx(mean([(x, y) for x in a for y in b]), rel=1e-5)
    assert found["joint"]["generated_retrieved"] == pytest.approx(mean([(x, y) for x in a for y in c]), rel=1e-5)
    assert found["joint"]["retrieved_retrieved"] == pytest.approx(mean([(c[0], c[1])]), rel=1e-5)
    spread = sets[0].features("idance")["kinetic"].std(axis=0)
    rows = sets[1].features("idance")["kinetic"]
    expected = float(np.linalg.norm((rows[0] - rows[1]) / spread))
    assert found["kinetic"]["retrieved_retrieved"] == pytest.approx(expected, rel=1e-5)


def test_conditions_name_who_crosses_them_and_the_undefined() -> None:
    report = evaluated([dancing(0), standing(), dancing(1)], ["jitter>0.001", "bas<0", "fid_k<1e9", "speed>99"])
    crossed = [[name for name, _ in crossing.crossed_by] for crossing in report.crossings]
    assert crossed == [["wandering-0", "wandering-1"], ["still"], ["all clips"], []]
    assert report.crossings[1].crossed_by == (("still", None),)


def test_a_filter_passes_clips_with_a_record() -> None:
    dances = [dancing(0), standing("a"), standing("b", frames=2), dancing(1), standing("c")]
    conditions = [parse_condition("jitter<1"), parse_condition("contact>=1")]
    judged = [judge(dance, EvaluateConfig(), beat_source(""), conditions) for dance in dances]
    kept = [clip for _, passing in judged for clip in passing]
    # Of b, with two frames, nothing is known.
    assert [clip.clip_id for clip in kept] == ["a", "c"]
    assert kept[0].provenance[-1]["stage"] == "evaluate"
    assert kept[0].provenance[-1]["config"] == {"protocol": "idance", "filter": ["jitter<1", "contact>=1"]}
    assert [measured.name for measured, _ in judged] == [dance.name for dance in dances]


def test_without_a_filter_nothing_is_passed_on() -> None:
    assert judge(standing(), EvaluateConfig(), beat_source(""), [])[1] == []


@pytest.mark.parametrize("name", PROTOCOLS)
def test_json_states_its_protocol(name: str) -> None:
    report = evaluated([dancing(0), dancing(1)], ["jitter>1"], protocol=name)
    found = json.loads(as_json(report))
    assert (found["schema"], found["schema_version"]) == ("idance-evaluate", "1.0")
    assert found["protocol"] == json.loads(json.dumps(statement(PROTOCOLS[name])))
    assert found["protocol"]["quirks"] and found["protocol"]["features"]["fps"] in (30, 60)
    assert len(found["reference"]["sha256"]) == 64
    assert found["clip_count"] == len(found["clips"]) == 2
    assert list(found["clips"][0]["figures"]) == list(CLIP_FIGURES)
    assert found["conditions"][0]["crossed"] and found["conditions"][0]["crossed_by"][0]["clip"] == "wandering-0"
    assert found["feature_columns"] == {"kinetic": 66, "geometric": 32, "joint": 132}


def test_the_same_dances_give_the_same_bytes() -> None:
    texts = {as_json(evaluated([dancing(0), dancing(1), standing()])) for _ in range(2)}
    assert len(texts) == 1 and "NaN" not in texts.pop()


def test_the_table_shows_figures_in_people_s_units() -> None:
    dance = dancing(0)
    lines = as_table(evaluated([dance, standing()])).splitlines()
    assert (
        lines[0].startswith("protocol   idance") and "sha256" in lines[1] and lines[2].startswith("measured   2 clips")
    )
    contact = next(line for line in lines if line.startswith("contact"))
    assert contact.split()[1] == "50" and "%" in contact
    assert lines[-1].split()[:2] == ["still", "2.0"]
    assert len({len(line) for line in lines[-3:]}) == 1


def test_junit_has_a_case_for_each_clip_and_condition() -> None:
    root = ElementTree.fromstring(as_junit(evaluated([dancing(0), standing()], ["jitter>0.001", "fid_k>1e9"])))
    suite = root[0]
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    cases = [(case.get("classname"), case.get("name"), len(case)) for case in suite]
    assert cases == [
        ("idance.evaluate.jitter", "wandering-0", 1),
        ("idance.evaluate.jitter", "still", 0),
        ("idance.evaluate.fid_k", "all clips", 0),
    ]
    assert "--fail-if jitter>0.001" in str(suite[0][0].text)
    plain = ElementTree.fromstring(as_junit(evaluated([dancing(0), standing()])))
    assert plain[0].get("tests") == "2" and plain[0].get("failures") == "0"
