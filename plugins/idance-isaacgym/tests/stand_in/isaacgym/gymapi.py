"""The simulation: one environment with one humanoid; state tensors change only when they are refreshed."""

from __future__ import annotations

from enum import Enum
from types import SimpleNamespace
from typing import Any

import numpy as np

UP_AXIS_Z, SIM_PHYSX, DOF_MODE_NONE, DOF_MODE_POS = 1, 0, 0, 1


class ContactCollection(Enum):
    CC_NEVER, CC_LAST_SUBSTEP, CC_ALL_SUBSTEPS = 0, 1, 2


class Vec3:
    def __init__(self, x: float = 0, y: float = 0, z: float = 0) -> None:
        self.x, self.y, self.z = x, y, z


class Transform:
    def __init__(self) -> None:
        self.p = Vec3()


class AssetOptions:
    pass


class PlaneParams:
    pass


class SimParams:
    def __init__(self) -> None:
        self.physx = SimpleNamespace()


def acquire_gym() -> Gym:
    return Gym()


class Gym:
    """Refuses what Isaac Gym refuses: tensors before the simulation is prepared, a world that is not z up."""

    def create_sim(self, compute: int, graphics: int, engine: int, parameters: SimParams) -> Gym:
        assert (engine, parameters.up_axis, parameters.gravity.z) == (SIM_PHYSX, UP_AXIS_Z, -9.81)
        assert (parameters.dt, parameters.substeps) == (1 / 60, 2)
        assert parameters.use_gpu_pipeline is parameters.physx.use_gpu is False
        self._simulator: Any = None
        self._ready = False
        self._target: Any = None
        self._calls: list[str] = []
        return self

    def add_ground(self, sim: Gym, plane: PlaneParams) -> None:
        assert (plane.normal.x, plane.normal.y, plane.normal.z) == (0, 0, 1)

    def load_asset(self, sim: Gym, folder: str, name: str, options: AssetOptions) -> Any:
        from pathlib import Path

        from idance_phc.humanoid import read_humanoid
        from mujoco_worker import MujocoSimulator

        self._simulator = MujocoSimulator(read_humanoid(Path(folder) / name))
        return name

    def get_asset_rigid_body_names(self, asset: Any) -> list[str]:
        return [self._simulator.model.body(index).name for index in range(1, 25)]

    def get_asset_dof_count(self, asset: Any) -> int:
        return 69

    def create_env(self, sim: Gym, lower: Vec3, upper: Vec3, row: int) -> str:
        return "env"

    def create_actor(self, env: str, asset: Any, pose: Transform, name: str, group: int, bits: int, label: int) -> int:
        assert pose.p.z > 0 and bits == 0  # 0: its parts collide with one another
        return 0

    def enable_actor_dof_force_sensors(self, env: str, actor: int) -> bool:
        return True

    def get_asset_dof_properties(self, asset: Any) -> Any:
        return np.zeros(69, dtype=[("driveMode", "i4"), ("stiffness", "f4"), ("damping", "f4")])

    def set_actor_dof_properties(self, env: str, actor: int, properties: Any) -> None:
        assert (properties["driveMode"] == DOF_MODE_POS).all()

    def get_actor_rigid_shape_properties(self, env: str, actor: int) -> list[Any]:
        return [SimpleNamespace(filter=0) for _ in range(self._simulator.model.ngeom - 1)]

    def get_actor_rigid_body_shape_indices(self, env: str, actor: int) -> list[Any]:
        model = self._simulator.model
        return [
            SimpleNamespace(start=int(model.body_geomadr[body]) - 1, count=int(model.body_geomnum[body]))
            for body in range(1, 25)
        ]

    def set_actor_rigid_shape_properties(self, env: str, actor: int, shapes: list[Any]) -> None:
        assert any(shape.filter for shape in shapes)

    def get_actor_rigid_body_properties(self, env: str, actor: int) -> list[Any]:
        return [SimpleNamespace(mass=float(mass)) for mass in self._simulator.model.body_mass[1:]]

    def prepare_sim(self, sim: Gym) -> None:
        import torch

        self._ready = True
        self._root, self._dof = torch.zeros((1, 13)), torch.zeros((69, 2))
        self._bodies, self._contact, self._torque = torch.zeros((24, 13)), torch.zeros((24, 3)), torch.zeros(69)

    def acquire_actor_root_state_tensor(self, sim: Gym) -> Any:
        assert self._ready
        return self._root

    def acquire_dof_state_tensor(self, sim: Gym) -> Any:
        return self._dof

    def acquire_rigid_body_state_tensor(self, sim: Gym) -> Any:
        return self._bodies

    def acquire_net_contact_force_tensor(self, sim: Gym) -> Any:
        return self._contact

    def acquire_dof_force_tensor(self, sim: Gym) -> Any:
        return self._torque

    def set_actor_root_state_tensor_indexed(self, sim: Gym, states: Any, actors: Any, count: int) -> bool:
        assert states.shape == (1, 13) and actors.tolist() == [0] and count == 1
        self._placed = states.clone()
        return True

    def set_dof_state_tensor_indexed(self, sim: Gym, states: Any, actors: Any, count: int) -> bool:
        from idance_phc.reference import BodyStates

        root = self._placed[:, None].expand(1, 24, 13)
        state = BodyStates(root[..., :3], root[..., 3:7], root[..., 7:10], root[..., 10:])
        self._simulator.place(state, states[None, :, 0], states[None, :, 1])
        return True

    def set_dof_position_target_tensor(self, sim: Gym, targets: Any) -> bool:
        assert targets.shape == (1, 69)
        self._target = targets
        return True

    def simulate(self, sim: Gym) -> None:
        self._forces = self._simulator.step(self._target, steps=8)
        self._calls.append("simulate")

    def fetch_results(self, sim: Gym, wait: bool) -> None:
        self._calls.append("fetch")

    def refresh_actor_root_state_tensor(self, sim: Gym) -> None:
        assert self._calls[-1:] != ["simulate"]

    def refresh_dof_state_tensor(self, sim: Gym) -> None:
        import torch

        self._dof[:, 1] = torch.from_numpy(np.array(self._simulator.data.qvel[6:]))

    def refresh_rigid_body_state_tensor(self, sim: Gym) -> None:
        import torch

        state = self._simulator.state()
        fields = (state.position, state.rotation, state.velocity, state.angular_velocity)
        self._bodies[:] = torch.cat(fields, dim=-1)[0]

    def refresh_net_contact_force_tensor(self, sim: Gym) -> None:
        if self._calls:
            self._contact[:] = self._forces.contact

    def refresh_dof_force_tensor(self, sim: Gym) -> None:
        import torch

        self._torque[:] = torch.from_numpy(np.array(self._simulator.data.qfrc_applied[6:]))
