"""PHC's humanoid in NVIDIA's Isaac Gym, Preview 4. The only file that needs it; import it before torch is imported.

Facts of the interface are from Isaac Gym's own documentation (docs/programming: assets, physics, tensors).
"""

from __future__ import annotations

import math
from typing import Any

from isaacgym import gymapi, gymtorch  # isort: skip  (Isaac Gym refuses to be imported after torch)
import torch
from torch import Tensor

from .bodies import BODY_COUNT, BODY_NAMES, DEGREES_OF_FREEDOM
from .episode import CONTROL_STEPS, STEPS_PER_SECOND, SUBSTEPS, StepForces
from .errors import BadFile, Missing
from .humanoid import Humanoid
from .reference import BodyStates

_GRAVITY = 9.81
_ROOM_M = 5.0
# Parts that touch where nothing is wrong: PHC lets them pass through each other. Parts joined by a joint never collide.
_UNHINDERED = (
    *(("L_Knee", "R_Toe"), ("L_Knee", "R_Ankle"), ("L_Knee", "L_Toe"), ("L_Toe", "R_Knee"), ("L_Ankle", "R_Knee")),
    *(("R_Knee", "R_Toe"), ("Chest", "Head"), ("Torso", "Chest")),
)


class IsaacSimulator:
    """One humanoid on a plane; see `episode.Simulator`. `device` is "cuda:N" or "cpu"."""

    def __init__(self, humanoid: Humanoid, device: str = "cuda:0") -> None:
        self.device = device
        self._gym = gymapi.acquire_gym()
        self._on_gpu = device.startswith("cuda")
        index = int(device.partition(":")[2] or 0)
        self._sim = self._gym.create_sim(index, -1, gymapi.SIM_PHYSX, self._parameters())
        if self._sim is None:
            raise Missing(f"Isaac Gym cannot make a simulation on {device}; check the GPU's driver, or set device: cpu")
        self._add_floor()
        self._actor_ids = torch.zeros(1, dtype=torch.int32, device=device)
        self.mass_kg = self._add_humanoid(humanoid)
        self._gym.prepare_sim(self._sim)
        self._root, self._joints, self._bodies, self._contact, self._torque = self._tensors()

    def place(self, state: BodyStates, joints: Tensor, joint_velocity: Tensor) -> None:
        """Put the humanoid into a state; see `episode.Simulator`."""
        first = (state.position, state.rotation, state.velocity, state.angular_velocity)
        self._root[:] = torch.cat([values[:, 0] for values in first], dim=-1)
        self._joints[..., 0], self._joints[..., 1] = joints, joint_velocity
        ids = gymtorch.unwrap_tensor(self._actor_ids)
        self._gym.set_actor_root_state_tensor_indexed(self._sim, gymtorch.unwrap_tensor(self._root), ids, 1)
        states = self._joints.view(-1, 2)
        self._gym.set_dof_state_tensor_indexed(self._sim, gymtorch.unwrap_tensor(states), ids, 1)

    def step(self, targets: Tensor) -> StepForces:
        """Hold targets for one action; see `episode.Simulator`."""
        held = targets.to(device=self.device, dtype=torch.float32).contiguous()
        self._gym.set_dof_position_target_tensor(self._sim, gymtorch.unwrap_tensor(held))
        contact = torch.zeros((BODY_COUNT, 3), device=self.device)
        power = 0.0
        for _ in range(CONTROL_STEPS):
            self._gym.simulate(self._sim)
            if not self._on_gpu:
                self._gym.fetch_results(self._sim, True)
            self._refresh()
            contact += self._contact[0] / CONTROL_STEPS
            power += float((self._torque[0] * self._joints[0, :, 1]).abs().sum()) / CONTROL_STEPS
        return StepForces(contact, power)

    def state(self) -> BodyStates:
        """The bodies as they are now."""
        values = self._bodies.clone()
        return BodyStates(values[..., 0:3], values[..., 3:7], values[..., 7:10], values[..., 10:13])

    def close(self) -> None:
        """Give the simulation back."""
        self._gym.destroy_sim(self._sim)

    def _parameters(self) -> Any:
        parameters = gymapi.SimParams()
        parameters.dt = 1.0 / STEPS_PER_SECOND
        parameters.substeps = SUBSTEPS
        parameters.up_axis = gymapi.UP_AXIS_Z
        parameters.gravity = gymapi.Vec3(0.0, 0.0, -_GRAVITY)
        parameters.use_gpu_pipeline = self._on_gpu
        physx = parameters.physx
        physx.use_gpu = self._on_gpu
        physx.solver_type = 1  # temporal Gauss-Seidel
        physx.num_position_iterations, physx.num_velocity_iterations = 4, 0
        physx.contact_offset, physx.rest_offset = 0.02, 0.0
        physx.bounce_threshold_velocity = 0.2
        physx.max_depenetration_velocity = 10.0
        physx.default_buffer_size_multiplier = 10.0
        physx.contact_collection = gymapi.ContactCollection.CC_LAST_SUBSTEP  # of all substeps, Preview 4 errs
        return parameters

    def _add_floor(self) -> None:
        floor = gymapi.PlaneParams()
        floor.normal = gymapi.Vec3(0.0, 0.0, 1.0)
        floor.static_friction = floor.dynamic_friction = 1.0
        floor.restitution = 0.0
        self._gym.add_ground(self._sim, floor)

    def _add_humanoid(self, humanoid: Humanoid) -> float:
        gym, options = self._gym, gymapi.AssetOptions()
        options.angular_damping, options.max_angular_velocity = 0.01, 100.0
        options.default_dof_drive_mode = gymapi.DOF_MODE_NONE
        asset = gym.load_asset(self._sim, str(humanoid.path.parent), humanoid.path.name, options)
        names = tuple(gym.get_asset_rigid_body_names(asset))
        if names != BODY_NAMES or gym.get_asset_dof_count(asset) != DEGREES_OF_FREEDOM:
            raise BadFile(
                f"{humanoid.path}: Isaac Gym makes {len(names)} bodies of it; expected the 24 of SMPL in order"
            )
        corner = gymapi.Vec3(_ROOM_M, _ROOM_M, _ROOM_M)
        env = gym.create_env(self._sim, gymapi.Vec3(-_ROOM_M, -_ROOM_M, 0.0), corner, 1)
        pose = gymapi.Transform()
        pose.p = gymapi.Vec3(0.0, 0.0, 1.0)
        actor = gym.create_actor(env, asset, pose, "humanoid", 0, 0, 0)
        gym.enable_actor_dof_force_sensors(env, actor)
        servos = gym.get_asset_dof_properties(asset)  # stiffness and damping are those of the file's joints
        servos["driveMode"] = gymapi.DOF_MODE_POS
        gym.set_actor_dof_properties(env, actor, servos)
        self._let_pass(env, actor)
        masses = [part.mass for part in gym.get_actor_rigid_body_properties(env, actor)]
        return math.fsum(masses)

    def _let_pass(self, env: Any, actor: Any) -> None:
        """Shapes that share a bit of their filters do not collide."""
        shapes = self._gym.get_actor_rigid_shape_properties(env, actor)
        ranges = self._gym.get_actor_rigid_body_shape_indices(env, actor)
        for bit, pair in enumerate(_UNHINDERED):
            for name in pair:
                part = ranges[BODY_NAMES.index(name)]
                for index in range(part.start, part.start + part.count):
                    shapes[index].filter |= 1 << bit
        self._gym.set_actor_rigid_shape_properties(env, actor, shapes)

    def _tensors(self) -> tuple[Tensor, ...]:
        gym, sim = self._gym, self._sim
        described = (
            gym.acquire_actor_root_state_tensor(sim),
            gym.acquire_dof_state_tensor(sim),
            gym.acquire_rigid_body_state_tensor(sim),
            gym.acquire_net_contact_force_tensor(sim),
            gym.acquire_dof_force_tensor(sim),
        )
        shapes = ((1, 13), (1, DEGREES_OF_FREEDOM, 2), (1, BODY_COUNT, 13), (1, BODY_COUNT, 3), (1, DEGREES_OF_FREEDOM))
        views = tuple(gymtorch.wrap_tensor(each).view(shape) for each, shape in zip(described, shapes))
        self._refresh()
        return views

    def _refresh(self) -> None:
        self._gym.refresh_actor_root_state_tensor(self._sim)
        self._gym.refresh_dof_state_tensor(self._sim)
        self._gym.refresh_rigid_body_state_tensor(self._sim)
        self._gym.refresh_net_contact_force_tensor(self._sim)
        self._gym.refresh_dof_force_tensor(self._sim)
