from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from infinitedance_cli.stages.train.batches import Pass, Plan
from infinitedance_cli.stages.train.config import LoopConfig
from infinitedance_cli.stages.train.order import WindowOrder, shuffled


@pytest.mark.parametrize("count", [1, 2, 3, 16, 17, 1000, 4097])
def test_each_place_comes_once(count: int) -> None:
    places = np.arange(count)
    assert sorted(shuffled(places, count, (0, 1)).tolist()) == places.tolist()


def test_neighbours_part_and_epochs_differ() -> None:
    """Of 10,000 shuffled places about one keeps its next neighbour, and about one its own place; the mean is theirs."""
    first, second = (shuffled(np.arange(10_000), 10_000, (0, epoch)) for epoch in range(2))
    assert (np.diff(first) == 1).sum() < 10 and (first == second).sum() < 10
    assert np.corrcoef(first, np.arange(10_000))[0, 1] == pytest.approx(0, abs=0.05)
    parts = first.reshape(10, 1000).mean(1)
    assert parts == pytest.approx(np.full(10, 5000), abs=400)  # the deviation of such a mean is 91


def test_a_window_is_computed_from_its_number_alone() -> None:
    order = WindowOrder(np.array([30, 5, 64]), 10, seed=1)
    slots = order.slots(np.arange(40))
    assert len(order) == 3 + 1 + 6 and [slot.number for slot in slots] == list(range(40))
    assert order.slots(np.array([17, 33])) == [slots[17], slots[33]]
    assert WindowOrder(np.array([30, 5, 64]), 10, seed=2).slots(np.arange(40)) != slots


def test_an_epoch_covers_each_clip_evenly() -> None:
    order = WindowOrder(np.array([30, 5, 64]), 10, seed=1)
    for epoch in range(4):
        slots = order.slots(np.arange(10) + 10 * epoch)
        assert Counter(slot.clip for slot in slots) == {0: 3, 1: 1, 2: 6}
        starts = sorted(slot.start for slot in slots if slot.clip == 2)
        for part, start in enumerate(starts):  # 55 places in 6 parts
            assert int(55 * part / 6) <= start <= int(55 * (part + 1) / 6)
        assert [slot.start for slot in slots if slot.clip == 1] == [0]


@pytest.mark.parametrize("processes", [1, 2, 4])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_all_processes_together_read_each_window_once(processes: int, accumulate: int) -> None:
    """Also where a run is cut in two, and goes on with half the batch."""
    windows: list[int] = []
    for batch_size, step, before, steps in ((16, 0, 0, 3), (8, 3, 48, 5)):
        config = LoopConfig(steps=steps, batch_size=batch_size, accumulate=accumulate)
        for number in Plan(config, step, before, 0, processes).passes():
            for part in range(processes):
                where = Plan(config, step, before, part, processes).at(number)
                windows += (where.first + np.arange(where.size)[where.own]).tolist()
    assert windows == list(range(48 + 16))


def test_uneven_parts_are_the_whole() -> None:
    parts = [np.arange(7)[Pass(0, 7, part=part, parts=3).own].tolist() for part in range(3)]
    assert parts == [[0, 1], [2, 3], [4, 5, 6]]
