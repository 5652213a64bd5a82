"""The worker with MuJoCo in place of Isaac Gym and, in place of a policy, a decoder of what the observation asks for.

Runs under Python 3.8 as well; `clip_stream` and `idance_phc` are on its path.
"""

from __future__ import annotations

import sys
from typing import Any
from xml.etree import ElementTree

import clip_stream
import mujoco
import numpy as np
import torch
from idance_phc import bodies, control, rotations
from idance_phc.clips import dance_clip
from idance_phc.episode import StepForces
from idance_phc.humanoid import Humanoid, read_humanoid
from idance_phc.policies import POLICIES, find_asset
from idance_phc.reference import BodyStates
from torch import Tensor

_STEPS = 16
"""Steps of 1/480 s for an action."""


class MujocoSimulator:
    """The humanoid in MuJoCo, its three hinges a joint become one ball joint; see `episode.Simulator`."""

    device = "cpu"

    def __init__(self, humanoid: Humanoid) -> None:
        text, stiffness = _with_ball_joints(humanoid)
        self.model = mujoco.MjModel.from_xml_string(text)
        self.data = mujoco.MjData(self.model)
        self._stiffness = np.repeat(stiffness, 3)
        self.model.dof_damping[6:] = self._stiffness / 10
        self.mass_kg = float(self.model.body_mass.sum())

    def place(self, state: BodyStates, joints: Tensor, joint_velocity: Tensor) -> None:
        mujoco.mj_resetData(self.model, self.data)
        turns = rotations.from_exponential(joints.view(-1, 3))
        root = state.rotation[0, :1]
        quaternions = torch.cat((root, turns))[:, [3, 0, 1, 2]]
        self.data.qpos[:] = np.concatenate((state.position[0, 0].numpy(), quaternions.double().numpy().ravel()))
        spin = rotations.rotate(rotations.conjugate(root[0]), state.angular_velocity[0, 0])
        self.data.qvel[:] = np.concatenate((state.velocity[0, 0].numpy(), spin.numpy(), joint_velocity[0].numpy()))
        mujoco.mj_forward(self.model, self.data)

    def step(self, targets: Tensor, steps: int = _STEPS) -> StepForces:
        wanted = rotations.from_exponential(targets.double().view(-1, 3))
        contact, power = torch.zeros((24, 3), dtype=torch.float64), 0.0
        for _ in range(steps):
            have = torch.from_numpy(self.data.qpos[7:].reshape(-1, 4)[:, [1, 2, 3, 0]])
            error = rotations.to_exponential(rotations.multiply(rotations.conjugate(have), wanted))
            torque = self._stiffness * error.numpy().ravel()
            self.data.qfrc_applied[6:] = torque
            mujoco.mj_step(self.model, self.data)
            contact += self._floor_forces() / steps
            power += float(np.abs(torque * self.data.qvel[6:]).sum()) / steps
        return StepForces(contact.float(), power)

    def state(self) -> BodyStates:
        velocity = np.zeros((24, 6))
        for index in range(24):
            mujoco.mj_objectVelocity(self.model, self.data, mujoco.mjtObj.mjOBJ_XBODY, index + 1, velocity[index], 0)
        fields = (self.data.xpos[1:], self.data.xquat[1:, [1, 2, 3, 0]], velocity[:, 3:], velocity[:, :3])
        return BodyStates(*(torch.from_numpy(np.array(field))[None].float() for field in fields))

    def _floor_forces(self) -> Tensor:
        forces, wrench = np.zeros((24, 3)), np.zeros(6)
        for index in range(self.data.ncon):
            contact = self.data.contact[index]
            mujoco.mj_contactForce(self.model, self.data, index, wrench)
            body = self.model.geom_bodyid[contact.geom2] - 1  # the floor is the first geom
            forces[body] += contact.frame.reshape(3, 3).T @ wrench[:3]
        return torch.from_numpy(forces)


class DecodingPolicy:
    """Aims each joint where the reference in the observation (v6) has it."""

    def __call__(self, observations: Tensor) -> Tensor:
        axes = observations[:, -144:].view(-1, 24, 2, 3)
        tangent, normal = axes[:, :, 0], axes[:, :, 1]
        matrices = torch.stack((tangent, torch.cross(normal, tangent, dim=-1), normal), dim=-1)
        local = bodies.local_rotations(_quaternions(matrices))
        return rotations.to_exponential(local[:, 1:]).flatten(1) / control.target_scale()


def _quaternions(matrices: Tensor) -> Tensor:
    flat = matrices.double().numpy().reshape(-1, 9)
    found = np.zeros((len(flat), 4))
    for index, matrix in enumerate(flat):
        mujoco.mju_mat2Quat(found[index], matrix)
    return torch.from_numpy(found[:, [1, 2, 3, 0]]).float().view(*matrices.shape[:-2], 4)


def _with_ball_joints(humanoid: Humanoid) -> Any:
    root = ElementTree.parse(str(humanoid.path)).getroot()
    stiffness = []
    for body in root.iter("body"):
        hinges = body.findall("joint")
        for hinge in hinges:
            body.remove(hinge)
        if hinges:
            ElementTree.SubElement(body, "joint", type="ball", armature=hinges[0].get("armature", "0"))
            stiffness.append(float(hinges[0].get("stiffness", "0")))
    for geom in root.iter("geom"):  # parts touch the floor only
        geom.set("contype", "0" if geom.get("name") == "floor" else "1")
        geom.set("conaffinity", "1" if geom.get("name") == "floor" else "0")
    option = ElementTree.SubElement(root, "option", timestep=repr(1 / 30 / _STEPS), integrator="implicitfast")
    option.set("cone", "elliptic")
    return ElementTree.tostring(root, encoding="unicode"), np.array(stiffness)


def main() -> None:
    def work(clips: Any) -> Any:
        humanoid = read_humanoid(find_asset(clip_stream.setting("repository")))
        simulator = MujocoSimulator(humanoid)
        spec = POLICIES[sys.argv[sys.argv.index("--policy") + 1]]
        for clip in clips:
            yield dance_clip(
                clip, simulator, humanoid, DecodingPolicy(), spec, simulator.mass_kg, "--strict" in sys.argv
            )

    clip_stream.run(work)


if __name__ == "__main__":
    main()
