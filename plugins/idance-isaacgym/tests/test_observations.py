from __future__ import annotations

import math

import pytest
import torch
from idance_isaacgym.worker.idance_phc import rotations
from idance_isaacgym.worker.idance_phc.observations import observe, observe_self, task_v6, task_v7
from idance_isaacgym.worker.idance_phc.reference import BodyStates

STILL = torch.tensor([0.0, 0, 0, 1])


def random_state(seed: int, count: int = 3) -> BodyStates:
    generator = torch.Generator().manual_seed(seed)
    position, velocity, spin = (torch.randn((count, 24, 3), generator=generator).double() for _ in range(3))
    turns = rotations.normalize(torch.randn((count, 24, 4), generator=generator).double())
    return BodyStates(position, turns, velocity, spin)


def upright(height: float = 0.9) -> BodyStates:
    """One humanoid whose bodies all lie on a line, unturned and still."""
    position = torch.zeros((1, 24, 3))
    position[0, :, 2] = height + 0.01 * torch.arange(24)
    return BodyStates(position, STILL.expand(1, 24, 4), torch.zeros((1, 24, 3)), torch.zeros((1, 24, 3)))


def turned(state: BodyStates, angle: float, shift: tuple[float, float]) -> BodyStates:
    """The same humanoid elsewhere on the floor, facing elsewhere."""
    yaw = torch.tensor([0, 0, math.sin(angle / 2), math.cos(angle / 2)]).to(state.position)
    moved = torch.tensor([*shift, 0.0]).to(state.position)
    return BodyStates(
        rotations.rotate(yaw, state.position) + moved,
        rotations.multiply(yaw, state.rotation),
        rotations.rotate(yaw, state.velocity),
        rotations.rotate(yaw, state.angular_velocity),
    )


@pytest.mark.parametrize(("version", "size"), [(6, 934), (7, 574)])
def test_sizes_are_those_that_the_checkpoints_want(version: int, size: int) -> None:
    assert observe(random_state(0), random_state(1), version).shape == (3, size)


@pytest.mark.parametrize("version", [6, 7])
def test_place_and_heading_are_not_seen(version: int) -> None:
    state, reference = random_state(0), random_state(1)
    seen = observe(state, reference, version)
    there = observe(turned(state, 2.1, (5, -3)), turned(reference, 2.1, (5, -3)), version)
    torch.testing.assert_close(there, seen, atol=1e-5, rtol=0)


def test_a_humanoid_on_its_reference_sees_no_differences() -> None:
    state = random_state(3)
    six, seven = task_v6(state, state), task_v7(state, state)
    same = torch.tensor([1.0, 0, 0, 0, 0, 1]).repeat(24).double()
    torch.testing.assert_close(six[:, 72:216], same.expand(3, -1))
    for zeros in (six[:, :72], six[:, 216:360], seven[:, :144]):
        assert zeros.abs().max() < 1e-12
    torch.testing.assert_close(six[:, 360:432], seven[:, 144:])
    assert six[:, 360:363].abs().max() == 0  # the root from the root


def test_the_humanoid_itself_by_hand() -> None:
    """Facing +y, left is -x: what lies at +y is ahead (+x), what lies at +x is on the right (-y)."""
    state = turned(upright(), math.pi / 2, (4, 7))
    state.position[0, 1] += torch.tensor([0.2, 0.5, 0])
    state.velocity[0, 2] = torch.tensor([1.0, 2.0, 3.0])
    state.angular_velocity[0, 23] = torch.tensor([0.0, 1.0, 0.0])
    seen = observe_self(state)[0]
    assert seen[0] == pytest.approx(0.9)
    assert seen[1:4] == pytest.approx([0.5, -0.2, 0.01], abs=1e-6)
    assert seen[4:7] == pytest.approx([0, 0, 0.02], abs=1e-6)
    assert seen[70:76] == pytest.approx([1, 0, 0, 0, 0, 1], abs=1e-6)
    assert seen[214 + 6 : 214 + 9] == pytest.approx([2, -1, 3], abs=1e-6)
    assert seen[286 + 69 :] == pytest.approx([1, 0, 0], abs=1e-6)


def test_the_task_by_hand() -> None:
    """Facing +y; the reference's pelvis is 0.3 m ahead, 0.1 m to the right, and turned by a quarter to the left."""
    state = turned(upright(), math.pi / 2, (0, 0))
    wanted = turned(upright(), math.pi, (0.1, 0.3))
    wanted.velocity[:] = torch.tensor([0.0, 1.0, 0.0])
    wanted.angular_velocity[:] = torch.tensor([0.0, 0.0, 2.0])
    six, seven = task_v6(state, wanted)[0], task_v7(state, wanted)[0]
    assert six[:3] == pytest.approx([0.3, -0.1, 0], abs=1e-6)
    assert six[72:78] == pytest.approx([0, 1, 0, 0, 0, 1], abs=1e-6)
    assert six[216:219] == pytest.approx([1, 0, 0], abs=1e-6)
    assert six[288:291] == pytest.approx([0, 0, 2], abs=1e-6)
    assert six[363:366] == pytest.approx([0.3, -0.1, 0.01], abs=1e-6)
    assert six[432:438] == pytest.approx([0, 1, 0, 0, 0, 1], abs=1e-6)
    torch.testing.assert_close(seven, torch.cat((six[:72], six[216:288], six[360:432])))


def test_a_turn_about_the_own_axis_is_seen_in_the_own_heading() -> None:
    """A humanoid facing +y that should bow forward, about its left, sees a turn about y whatever its heading."""
    bow = torch.tensor([0.0, math.sin(0.3), 0.0, math.cos(0.3)])
    state = upright()
    wanted = BodyStates(state.position, bow.expand(1, 24, 4), state.velocity, state.angular_velocity)
    angle = 0.6
    axes = [math.cos(angle), 0, -math.sin(angle), math.sin(angle), 0, math.cos(angle)]
    for heading in (0.0, 1.0, math.pi / 2):
        seen = task_v6(turned(state, heading, (0, 0)), turned(wanted, heading, (0, 0)))[0]
        assert seen[72:78] == pytest.approx(axes, abs=1e-6)
