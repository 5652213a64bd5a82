from __future__ import annotations

import pytest
import torch
from idance_isaacgym.worker.idance_phc import bodies, rotations
from idance_isaacgym.worker.idance_phc.clips import contact_columns
from idance_isaacgym.worker.idance_phc.episode import StepForces, dance, has_fallen, joint_states
from idance_isaacgym.worker.idance_phc.policies import PolicySpec
from idance_isaacgym.worker.idance_phc.reference import BodyStates, Reference, states_of
from torch import Tensor

STILL = torch.tensor([0.0, 0, 0, 1])


def walking(frames: int = 8) -> Reference:
    """All bodies one over the other, moving 0.1 m a frame along x and bending the left elbow by 0.1 rad a frame."""
    position = torch.zeros((frames, 24, 3))
    position[..., 2] = torch.linspace(0, 1.8, 24)
    position[..., 0] = 0.1 * torch.arange(frames)[:, None]
    rotation = STILL.expand(frames, 24, 4).clone()
    bend = rotations.from_exponential(torch.arange(frames)[:, None] * torch.tensor([0.0, 0.1, 0.0]))
    for name in ("L_Elbow", "L_Wrist", "L_Hand"):
        rotation[:, bodies.BODY_NAMES.index(name)] = bend
    return Reference(states_of(position, rotation), 1.0, torch.zeros(frames))


class Teleporter:
    """A simulator in which the humanoid is on the reference, but stops at a frame, or is no number at one."""

    device = "cpu"

    def __init__(self, reference: Reference, stuck_at: int | None = None, broken_at: int | None = None) -> None:
        self._states, self._stuck_at, self._broken_at = reference.states.to("cpu"), stuck_at, broken_at
        self.frame, self.placed, self.targets = 0, [], []

    def place(self, state: BodyStates, joints: Tensor, joint_velocity: Tensor) -> None:
        distance = (self._states.position[:, 0] - state.position[0, 0]).norm(dim=-1)
        self.frame = int(distance.argmin())
        self.placed.append((self.frame, joints, joint_velocity))

    def step(self, targets: Tensor) -> StepForces:
        self.frame += 1
        self.targets.append(targets)
        return StepForces(torch.full((24, 3), float(self.frame)), 10.0 * self.frame)

    def state(self) -> BodyStates:
        frame = self.frame if self._stuck_at is None else min(self.frame, self._stuck_at)
        state = self._states.at(slice(frame, frame + 1))
        if self.frame == self._broken_at:
            return BodyStates(state.position * float("nan"), state.rotation, state.velocity, state.angular_velocity)
        return state


def still(observations: Tensor) -> Tensor:
    """A policy that does nothing, and checks what it is shown."""
    assert observations.shape == (1, 934)
    return torch.zeros((1, 69))


def test_the_policy_sees_the_next_frame_of_the_reference() -> None:
    reference, seen = walking(), []

    def policy(observations: Tensor) -> Tensor:
        seen.append(observations[0, 358:361])
        return torch.zeros((1, 69))

    simulator = Teleporter(reference)
    episode = dance(simulator, policy, PolicySpec("x"), reference)  # type: ignore[arg-type]
    assert len(seen) == 7
    for ahead in seen:
        assert ahead == pytest.approx([0.1, 0, 0], abs=1e-5)
    torch.testing.assert_close(episode.position, reference.states.position[:, 0])
    torch.testing.assert_close(episode.rotation, reference.states.rotation)
    assert episode.power.tolist() == [10, 10, 20, 30, 40, 50, 60, 70]
    assert episode.contact[:, 0, 0].tolist() == [1, 1, 2, 3, 4, 5, 6, 7]
    assert episode.falls == ()


def test_a_humanoid_that_stops_falls_and_goes_on_from_the_reference() -> None:
    """Stuck at frame 1 it is more than 0.5 m behind at frame 7, and put back there; then it is stuck again."""
    reference = walking(9)
    simulator = Teleporter(reference, stuck_at=1)
    episode = dance(simulator, still, PolicySpec("x"), reference)  # type: ignore[arg-type]
    assert episode.falls == (7, 8)
    assert [frame for frame, _, _ in simulator.placed] == [0, 7, 8]
    assert episode.position[:, 0] == pytest.approx([0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.7, 0.8], abs=1e-5)


def test_a_humanoid_that_is_no_number_has_fallen() -> None:
    reference = walking()
    episode = dance(Teleporter(reference, broken_at=3), still, PolicySpec("x"), reference)  # type: ignore[arg-type]
    assert episode.falls == (3,)
    assert torch.isfinite(episode.position).all()


def test_it_is_placed_with_joints_and_their_velocity() -> None:
    reference = walking()
    simulator = Teleporter(reference)
    dance(simulator, still, PolicySpec("x"), reference)  # type: ignore[arg-type]
    (_, joints, velocity) = simulator.placed[0]
    assert joints.abs().max() == 0
    elbow = 3 * (bodies.BODY_NAMES.index("L_Elbow") - 1)
    assert velocity[0, elbow : elbow + 3] == pytest.approx([0, 3, 0], abs=1e-5)
    assert velocity.abs().sum() == pytest.approx(3, abs=1e-4)  # wrist and hand follow, their joints do not move
    later, _ = joint_states(reference.states)
    assert later[5, elbow : elbow + 3] == pytest.approx([0, 0.5, 0], abs=1e-5)


def test_falls_are_half_a_metre_on_average_or_strictly_a_quarter_anywhere() -> None:
    states = walking().states.at(slice(0, 1))

    def moved(bodies_moved: list[int], by: float) -> BodyStates:
        position = states.position.clone()
        position[0, bodies_moved, 1] += by
        return BodyStates(position, states.rotation, states.velocity, states.angular_velocity)

    whole, head, ankle = list(range(24)), [bodies.BODY_NAMES.index("Head")], [bodies.BODY_NAMES.index("L_Ankle")]
    assert not has_fallen(moved(whole, 0.49), states, strict=False)
    assert has_fallen(moved(whole, 0.51), states, strict=False)
    assert not has_fallen(moved(head, 5), states, strict=False)  # a twentieth of five metres
    assert has_fallen(moved(head, 0.26), states, strict=True)
    assert not has_fallen(moved(head, 0.24), states, strict=True)
    assert not has_fallen(moved(ankle, 3), states, strict=True)  # feet may slip


def test_contact_forces_are_those_of_left_foot_right_foot_and_rest_with_y_up() -> None:
    contact = torch.zeros((1, 24, 3))
    for name, force in (("L_Ankle", 100.0), ("L_Toe", 20.0), ("R_Toe", 7.0), ("L_Hand", 1.0)):
        contact[0, bodies.BODY_NAMES.index(name), 2] = force
    contact[0, 0] = torch.tensor([3.0, 4.0, 0.0])  # forward and left
    expected = torch.tensor([[[0.0, 120, 0], [0, 7, 0], [4, 1, 3]]])
    torch.testing.assert_close(contact_columns(contact), expected)
