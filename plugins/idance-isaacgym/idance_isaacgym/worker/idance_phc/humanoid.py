"""The humanoid that a policy was trained on: an MJCF file of PHC's repository, z up and upright at rest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import torch
from torch import Tensor

from . import rotations
from .bodies import BODY_COUNT, BODY_NAMES, PARENTS
from .errors import BadFile


@dataclass(frozen=True)
class Humanoid:
    """The file at `path`; `offsets` (24, 3) metres from the parent at rest.

    `points` (P, 3) in the frame of the bodies `owners` (P,), with `radii` (P,): the spheres under which no part of the
    humanoid lies, ends of capsules and corners of boxes.
    """

    path: Path
    offsets: Tensor
    points: Tensor
    owners: Tensor
    radii: Tensor

    @property
    def leg_length(self) -> float:
        """Metres of thigh and shank, the mean of both sides."""
        lengths = self.offsets.norm(dim=-1)
        names = ("L_Knee", "L_Ankle", "R_Knee", "R_Ankle")
        return float(sum(lengths[BODY_NAMES.index(name)] for name in names)) / 2

    def lowest(self, positions: Tensor, world_rotation: Tensor) -> Tensor:
        """Height (T,) of the lowest point for positions (T, 24, 3) and rotations (T, 24, 4)."""
        points = rotations.rotate(world_rotation[:, self.owners], self.points) + positions[:, self.owners]
        return (points[..., 2] - self.radii).min(dim=-1).values


def read_humanoid(path: Path) -> Humanoid:
    """Read an MJCF file. Raises BadFile when its bodies are not the 24 of SMPL in PHC's order, upright."""
    try:
        root = ElementTree.parse(str(path)).getroot()
    except (ElementTree.ParseError, OSError) as error:
        raise BadFile(f"{path} is no MJCF that can be read ({error}); fetch PHC's repository again") from error
    found: list[tuple[ElementTree.Element, int]] = []
    for body in root.findall("worldbody/body"):
        _collect(body, -1, found)
    names = tuple(body.get("name", "") for body, _ in found)
    if names != BODY_NAMES or tuple(parent for _, parent in found) != PARENTS:
        shown = ", ".join(names[:4])
        raise BadFile(f"{path} has the bodies {shown} …; expected the 24 of SMPL, {BODY_NAMES[0]} to {BODY_NAMES[-1]}")
    offsets = torch.stack([_numbers(body.get("pos", "0 0 0")) for body, _ in found])
    offsets[0] = 0
    if offsets[BODY_NAMES.index("Torso"), 2] < 0.5 * offsets[BODY_NAMES.index("Torso")].norm():
        raise BadFile(f"{path} does not stand upright with z up; expected PHC's smpl_0_humanoid.xml")
    points, owners, radii = _points([body for body, _ in found])
    return Humanoid(path, offsets, points, owners, radii)


def _collect(body: ElementTree.Element, parent: int, found: list[tuple[ElementTree.Element, int]]) -> None:
    index = len(found)
    found.append((body, parent))
    for child in body.findall("body"):
        _collect(child, index, found)


def _numbers(text: str) -> Tensor:
    return torch.tensor([float(part) for part in text.split()], dtype=torch.float64)


def _points(elements: list[ElementTree.Element]) -> tuple[Tensor, Tensor, Tensor]:
    points, owners, radii = [], [], []
    for index in range(BODY_COUNT):
        for geom in elements[index].findall("geom"):
            for point, radius in _geom_points(geom):
                points.append(point)
                owners.append(index)
                radii.append(radius)
    return torch.stack(points), torch.tensor(owners), torch.tensor(radii, dtype=torch.float64)


def _geom_points(geom: ElementTree.Element) -> list[tuple[Tensor, float]]:
    size = _numbers(geom.get("size", "0"))
    kind = geom.get("type", "capsule")
    if kind == "capsule" and geom.get("fromto"):
        ends = _numbers(geom.get("fromto", ""))
        return [(ends[:3], float(size[0])), (ends[3:], float(size[0]))]
    centre = _numbers(geom.get("pos", "0 0 0"))
    if kind != "box":
        return [(centre, float(size[0]))]
    turn = _numbers(geom.get("quat", "1 0 0 0"))
    quaternion = rotations.normalize(torch.cat((turn[1:], turn[:1])))
    signs = torch.tensor(
        [[math.copysign(1, i & bit or -1) for bit in (1, 2, 4)] for i in range(8)], dtype=torch.float64
    )
    return [(centre + rotations.rotate(quaternion, corner * size), 0.0) for corner in signs]
