"""The policies that PHC's authors released, how each was trained, and where their files are; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import BadFile, Missing

if TYPE_CHECKING:
    from .networks import Policy

SELF_SIZE = 358
TASK_SIZES = {6: 576, 7: 216}
"""Numbers of each version of the task: 6 sees positions and rotations, 7 positions ("keypoints") only."""

ASSET = "phc/data/assets/mjcf/smpl_0_humanoid.xml"
"""Where PHC's repository keeps the humanoid of SMPL's neutral mean shape, upright, z up."""

CHECKPOINT = "Humanoid.pth"
DEFAULT_POLICY = "phc_comp_3"


@dataclass(frozen=True)
class PolicySpec:
    """A released policy: the folder `name` of its checkpoint, the version of its `observation`, its network.

    `columns` is the number of primitives, 0 for a network without; `columns_of` the folder of the columns' checkpoint
    where the policy's own holds a composer over them, which may end in an activation (`ends_active`).
    """

    name: str
    observation: int = 6
    columns: int = 3
    columns_of: str = ""
    activation: str = "silu"
    ends_active: bool = True
    freeze_hands: bool = False
    freeze_toes: bool = False

    @property
    def observation_size(self) -> int:
        """Numbers of an observation."""
        return SELF_SIZE + TASK_SIZES[self.observation]

    def files(self, folder: str) -> list[Path]:
        """The checkpoints it needs of a folder that holds one folder a policy."""
        return [Path(folder) / name / CHECKPOINT for name in (self.name, self.columns_of) if name]

    def load(self, folder: str) -> Policy:
        """The policy with its weights. Raises Missing or BadFile with the path and what to do."""
        from .networks import load_mcp, load_mlp, load_pnn

        path, *others = self.files(folder)
        size = self.observation_size
        if self.columns_of:
            return load_mcp(path, others[0], size, self.columns, self.activation, ends_active=self.ends_active)
        if self.columns:
            return load_pnn(path, size, self.columns, self.activation)
        return load_mlp(path, size, self.activation)


POLICIES = {
    spec.name: spec
    for spec in (
        PolicySpec("phc_comp_3", columns_of="phc_3"),
        PolicySpec("phc_3"),
        PolicySpec("phc_comp_kp_2", observation=7, columns_of="phc_kp_2", ends_active=False),
        PolicySpec("phc_kp_2", observation=7),
        PolicySpec("phc_kp_mcp_iccv", 7, 4, "phc_kp_pnn_iccv", "relu", freeze_hands=True),
        PolicySpec("phc_kp_pnn_iccv", 7, 4, activation="relu", freeze_hands=True),
        PolicySpec("phc_prim", columns=0),
    )
}
"""Those whose humanoid is SMPL's mean shape and that see the whole body; users train `phc_prim` themselves."""


def find_asset(repository: str) -> Path:
    """The humanoid's file in a checkout of PHC. Raises Missing when it is not there."""
    path = Path(repository) / ASSET
    if not path.is_file():
        raise Missing(
            f"there is no humanoid at {path}; name a checkout of https://github.com/ZhengyiLuo/PHC as the repository"
        )
    return path


def find_policy(name: str) -> PolicySpec:
    """The policy of a name. Raises BadFile when there is none."""
    if name not in POLICIES:
        raise BadFile(f"there is no policy {name!r}; known: {', '.join(POLICIES)}")
    return POLICIES[name]


def check_files(spec: PolicySpec, folder: str) -> None:
    """Raises Missing when a checkpoint of the policy is not there."""
    for path in spec.files(folder):
        if not path.is_file():
            raise Missing(
                f"there is no checkpoint at {path}; fetch it as PHC's README says (download_data.sh) and name the "
                f"folder that holds {path.parent.name}/ as the checkpoints"
            )
