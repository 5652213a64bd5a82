"""Opens our exports in Blender and measures them. Runs under an interpreter that has `bpy` (Python 3.11, numpy 1.26):

    python3.11 -m venv bpy-venv && bpy-venv/bin/pip install bpy==4.5.15
    idance convert clip.h5 -o out.bvh && idance convert clip.h5 -o out.glb && idance convert clip.h5 -o out.npy
    bpy-venv/bin/python tests/benchmarks/check_blender.py out.npy out.bvh out.glb

The first file holds the true joint positions (T, J, 3) in metres, y up. Each other file is imported into an empty
scene as a user does (.bvh with scale 0.01, since it is in centimetres) and every joint of every frame is compared.
Prints one line per figure and exits with 1 when one is out of its limit.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES  # noqa: E402

FPS = 30
LARGEST_ERROR_M = 1e-3
TALLEST_M, SHORTEST_M = 2.1, 1.4


@dataclass(frozen=True)
class Figure:
    """One thing that was measured: `value` as text, and whether it is as it should be."""

    name: str
    value: str
    good: bool


def import_file(path: Path) -> Any:
    """The armature of a file, in an otherwise empty scene at 30 fps."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = FPS
    if path.suffix == ".bvh":
        bpy.ops.import_anim.bvh(
            filepath=str(path), global_scale=0.01, update_scene_fps=True, update_scene_duration=True
        )
    else:
        bpy.ops.import_scene.gltf(filepath=str(path))
    return next(item for item in bpy.data.objects if item.type == "ARMATURE")


def frame_range(armature: Any) -> tuple[int, int]:
    """First and last keyed frame of the animation."""
    first, last = armature.animation_data.action.frame_range
    return round(first), round(last)


def rest_positions(armature: Any, names: list[str]) -> np.ndarray:
    """Joint positions (J, 3) of the rest pose in Blender's world, z up."""
    return np.array([armature.matrix_world @ armature.data.bones[name].head_local for name in names])


def frame_positions(armature: Any, names: list[str], frame: int) -> np.ndarray:
    """Joint positions (J, 3) at a frame in Blender's world, z up."""
    bpy.context.scene.frame_set(frame)
    bpy.context.view_layer.update()
    return np.array([armature.matrix_world @ armature.pose.bones[name].head for name in names])


def to_blender(positions: np.ndarray) -> np.ndarray:
    """Our y-up positions in Blender's world: z up, the body faces −y, its left is +x."""
    return np.stack((positions[..., 0], -positions[..., 2], positions[..., 1]), axis=-1)


def rest_figures(rest: dict[str, np.ndarray]) -> list[Figure]:
    """Whether the rest pose is a T-pose: arms level and sideways, legs down, head up, the left on +x, toes to −y."""
    arm = rest["left_wrist"] - rest["left_shoulder"]
    leg = rest["left_ankle"] - rest["left_hip"]
    toes = rest["left_foot"] - rest["left_ankle"]
    arm_tilt = np.degrees(np.arcsin(abs(arm[2]) / np.linalg.norm(arm)))
    leg_tilt = np.degrees(np.arccos(-leg[2] / np.linalg.norm(leg)))
    height = rest["head"][2] - rest["left_foot"][2]
    return [
        Figure("rest: left arm along +x, tilt", f"{arm_tilt:.2f} deg", arm[0] > 0.3 and arm_tilt < 5),
        Figure("rest: left leg down, tilt", f"{leg_tilt:.2f} deg", leg_tilt < 10),
        Figure("rest: toes forward (-y)", f"{toes[1]:.3f} m", toes[1] < -0.05),
        Figure("rest: head above toes", f"{height:.3f} m", SHORTEST_M - 0.2 < height < TALLEST_M),
    ]


def mesh_figures() -> list[Figure]:
    """Size and stance of the skinned mesh in its first frame, when the file has one."""
    meshes = [item for item in bpy.data.objects if item.type == "MESH" and item.find_armature()]
    figures = []
    for item in meshes:
        evaluated = item.evaluated_get(bpy.context.evaluated_depsgraph_get())
        points = np.array([evaluated.matrix_world @ vertex.co for vertex in evaluated.data.vertices])
        size = np.ptp(points, axis=0)
        good = len(points) > 1000 and 0.5 < size[2] < 2.6 and abs(points[:, 2].min()) < 0.3
        figures.append(Figure("mesh: height, lowest point", f"{size[2]:.3f} m, {points[:, 2].min():+.3f} m", good))
    return figures


def check(path: Path, expected: np.ndarray) -> list[Figure]:
    """All figures of one file."""
    armature = import_file(path)
    names = list(SMPLX_JOINT_NAMES[: expected.shape[1]])
    missing = [name for name in names if name not in armature.data.bones]
    if missing:
        return [Figure("joints found by name", f"{len(missing)} missing, {missing[0]} …", False)]
    first, last = frame_range(armature)
    frames = last - first + 1
    figures = [Figure("frames", f"{frames} of {len(expected)}", frames == len(expected))]
    figures.append(Figure("frames a second", f"{bpy.context.scene.render.fps}", bpy.context.scene.render.fps == FPS))
    rest = rest_positions(armature, names)
    figures += rest_figures(dict(zip(names, rest, strict=True)))
    wanted = to_blender(expected)
    errors = np.zeros(len(expected))
    for number in range(min(frames, len(expected))):
        found = frame_positions(armature, names, first + number)
        errors[number] = np.linalg.norm(found - wanted[number], axis=-1).max()
    worst = int(errors.argmax())
    figures.append(
        Figure("largest joint error", f"{errors[worst] * 1000:.4f} mm, frame {worst}", errors[worst] < LARGEST_ERROR_M)
    )
    bpy.context.scene.frame_set(first)
    return figures + mesh_figures()


def main(arguments: list[str]) -> int:
    """Checks the files named on the command line; 0 when all figures are good."""
    expected = np.load(arguments[0])
    failed = 0
    for name in arguments[1:]:
        for figure in check(Path(name), expected):
            failed += not figure.good
            sys.stdout.write(f"{'ok  ' if figure.good else 'FAIL'} {Path(name).name}: {figure.name}: {figure.value}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
