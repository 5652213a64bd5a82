from __future__ import annotations

import pytest

from infinitedance_cli.errors import UsageError
from infinitedance_cli.stages.evaluate.conditions import parse_condition, parse_filter


@pytest.mark.parametrize(
    ("text", "figure", "comparison", "limit"),
    [
        ("fsr>0.06", "fsr", ">", 0.06),
        (" FSR >= 6 % ", "fsr", ">=", 0.06),
        ("jitter<20", "jitter", "<", 20.0),
        ("beat_gap<=-1e-2", "beat_gap", "<=", -0.01),
        ("fid_k>.5", "fid_k", ">", 0.5),
    ],
)
def test_forms(text: str, figure: str, comparison: str, limit: float) -> None:
    found = parse_condition(text)
    assert (found.figure, found.comparison) == (figure, comparison)
    assert found.limit == pytest.approx(limit)


def test_limits_are_exact_at_the_edge() -> None:
    assert parse_condition("fsr>0.06").holds(0.06) is False
    assert parse_condition("fsr>=0.06").holds(0.06) is True
    assert parse_condition("fsr>0.06").holds(None) is None


@pytest.mark.parametrize("text", ["fsr", "fsr=3", "fsr>x", ">3", "fsr>0.1>0.2", "fsr > 0.1 or jitter > 3", ""])
def test_what_cannot_be_read(text: str) -> None:
    with pytest.raises(UsageError, match="expected a figure"):
        parse_condition(text)


def test_unknown_figures_get_a_hint() -> None:
    with pytest.raises(UsageError, match="did you mean 'jitter'"):
        parse_condition("jiter<20")


def test_filters_look_at_clips() -> None:
    assert [one.figure for one in parse_filter(["jitter<20", "fsr<6%"])] == ["jitter", "fsr"]
    with pytest.raises(UsageError, match="whole set"):
        parse_filter(["fid_k<20"])
