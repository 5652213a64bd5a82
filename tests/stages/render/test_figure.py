from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli import plugins
from infinitedance_cli.body.mesh import load_open_body, skin
from infinitedance_cli.errors import BadInput, MissingResource
from infinitedance_cli.motion.clip import Body
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES, Skeleton, default_skeleton
from infinitedance_cli.stages.render.config import RenderConfig
from infinitedance_cli.stages.render.figure import Figure, joint_matrices, vertex_normals
from infinitedance_cli.stages.render.renderers import body, skeleton, smplx
from infinitedance_cli.stages.render.smplx_files import find_smplx
from infinitedance_cli.stages.render.take import style_of
from infinitedance_cli.testing import check_renderer
from tests.stages.render.scenes import standing_clip
from tests.stream.clips import small_clip


def skinned(figure: Figure, matrices: np.ndarray) -> np.ndarray:
    """Vertices (V, 3) of one frame, the slow way."""
    blended = (matrices[figure.joint_indices] * figure.joint_weights[..., None, None]).sum(axis=1)
    return np.einsum("vab,vb->va", blended[:, :, :3], figure.vertices) + blended[:, :, 3]


def test_matrices_move_the_open_body_as_its_skinning_does() -> None:
    clip = small_clip(frames=3, joints=55)
    figure = body.figure(clip)
    expected = skin(load_open_body(), clip.root_position, clip.joint_rotation)
    np.testing.assert_allclose(skinned(figure, joint_matrices(figure, clip)[2]), expected[2], atol=1e-5)


def test_a_clip_with_longer_legs_keeps_its_own_joints() -> None:
    clip = standing_clip(1)
    offsets = clip.skeleton.offsets.copy()
    offsets[[4, 5]] *= 1.2  # the thighs
    longer = replace(clip, skeleton=Skeleton(clip.skeleton.joint_names, clip.skeleton.parents, offsets))
    figure = body.figure(longer)
    matrices = joint_matrices(figure, longer)[0]
    moved = np.einsum("jab,jb->ja", matrices[:, :, :3], figure.rest_positions) + matrices[:, :, 3]
    np.testing.assert_allclose(moved, longer.joint_positions()[0], atol=1e-6)
    sole = load_open_body().left_sole
    sunk = figure.vertices[sole, 1] - skinned(figure, matrices)[sole, 1]
    np.testing.assert_allclose(sunk, -0.2 * clip.skeleton.offsets[4, 1], atol=1e-5)


def test_a_clip_without_hands_gets_relaxed_ones() -> None:
    clip = standing_clip(1, joints=22)
    figure = body.figure(clip)
    matrices = joint_matrices(figure, clip)[0]
    knuckle = SMPLX_JOINT_NAMES.index("left_middle2")
    flat = joint_matrices(figure, standing_clip(1, joints=55))[0]
    bend = np.degrees(np.arccos((np.trace(matrices[knuckle, :, :3] @ flat[knuckle, :, :3].T) - 1) / 2))
    assert 30 < bend < 90
    np.testing.assert_allclose(matrices[:22], flat[:22], atol=1e-6)


def test_normals_of_a_tetrahedron_point_outward() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    normals = vertex_normals(vertices, faces)
    np.testing.assert_allclose(normals[0], -np.ones(3) / np.sqrt(3), atol=1e-6)
    # At (1, 0, 0): the faces z = 0 and y = 0 pull down, the slanted one, sqrt(3) times as large, along (1, 1, 1).
    np.testing.assert_allclose(normals[1], [1, 0, 0], atol=1e-6)


def test_the_coarse_body_is_the_same_body() -> None:
    figure = body.figure(standing_clip(1))
    coarse = figure.coarse(0.03)
    assert len(coarse.faces) < 0.3 * len(figure.faces)
    assert np.abs(coarse.vertices.max(axis=0) - figure.vertices.max(axis=0)).max() < 0.03
    a, b, c = (coarse.vertices[coarse.faces[:, corner]] for corner in range(3))
    volume = np.einsum("fa,fa->f", a, np.cross(b, c)).sum() / 6
    a, b, c = (figure.vertices[figure.faces[:, corner]] for corner in range(3))
    assert volume == pytest.approx(np.einsum("fa,fa->f", a, np.cross(b, c)).sum() / 6, rel=0.08)


def test_the_suit_ends_at_the_wrists() -> None:
    figure = body.figure(standing_clip(1))
    rest = figure.rest_positions
    wrist, elbow = rest[SMPLX_JOINT_NAMES.index("left_wrist")], rest[SMPLX_JOINT_NAMES.index("left_elbow")]
    hand = figure.vertices[:, 0] > wrist[0] + 0.04
    forearm = (figure.vertices[:, 0] > elbow[0]) & (figure.vertices[:, 0] < wrist[0] - 0.08)
    assert figure.colours[hand, 3].max() == 0 and figure.colours[forearm, 3].min() == 1


def test_the_stick_figure_joins_the_joints_of_any_skeleton() -> None:
    offsets = np.float32([[0, 1, 0], [0, 0.5, 0], [0.4, 0, 0.3]])
    clip = replace(
        standing_clip(1, joints=22),
        skeleton=Skeleton(("base", "left_tip", "end"), (-1, 0, 1), offsets),
        joint_rotation=np.tile(np.float32([1, 0, 0, 0]), (1, 3, 1)),
    )
    figure = skeleton.figure(clip)
    low, high = figure.vertices.min(axis=0), figure.vertices.max(axis=0)
    np.testing.assert_allclose(low, [-0.028, 1 - 0.028, -0.028], atol=1e-3)
    np.testing.assert_allclose(high, [0.428, 1.528, 0.328], atol=1e-3)
    outward = np.einsum("va,va->v", figure.normals, figure.vertices - figure.rest_positions[figure.joint_indices[:, 0]])
    assert np.median(outward) > 0
    ball = np.linalg.norm(figure.vertices - clip.skeleton.rest_positions()[1], axis=1) < 0.0281
    of_tip = ball & (figure.joint_indices[:, 0] == 1) & (figure.vertices[:, 0] < -0.018)
    np.testing.assert_allclose(figure.colours[of_tip], np.tile(np.float32(skeleton.LEFT), (of_tip.sum(), 1)))


def test_the_body_refuses_a_foreign_skeleton() -> None:
    clip = small_clip(frames=1)
    foreign = replace(
        clip, skeleton=Skeleton(("a", *clip.skeleton.joint_names[1:]), clip.skeleton.parents, clip.skeleton.offsets)
    )
    with pytest.raises(BadInput, match="--style skeleton draws any joints"):
        body.figure(foreign)


def write_model(path: Path) -> None:
    """A cube around each joint of our own skeleton, in the form of an SMPL-X file; shape 0 makes it broader."""
    rest = default_skeleton().rest_positions().astype(float)
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * 0.02
    vertices = (rest[:, None] + corners).reshape(-1, 3)
    faces = np.array([[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6]])
    joints = len(rest)
    directions = np.zeros((len(vertices), 3, 400))
    directions[:, 0, 0] = 0.1 * vertices[:, 0]
    np.savez(
        path,
        v_template=vertices,
        f=np.concatenate([faces + 8 * joint for joint in range(joints)]).astype(np.uint32),
        weights=np.repeat(np.eye(joints), 8, axis=0),
        J_regressor=np.repeat(np.eye(joints), 8, axis=1) / 8,
        shapedirs=directions,
        joint2num=np.array({"an": "object"}, dtype=object),
    )


def test_the_smplx_body_takes_the_shape_of_the_clip(tmp_path: Path) -> None:
    (tmp_path / "smplx").mkdir()
    write_model(tmp_path / "smplx" / "SMPLX_NEUTRAL.npz")
    clip = replace(standing_clip(1), body=Body("smplx", np.float32([2.0, 0, 0])))
    figure = smplx.figure(clip, tmp_path)
    np.testing.assert_allclose(figure.rest_positions, clip.skeleton.rest_positions() * [1.2, 1, 1], atol=1e-6)
    assert style_of(clip, RenderConfig(smplx=tmp_path)) == "smplx"
    assert style_of(clip, RenderConfig()) == "body"
    assert style_of(standing_clip(1), RenderConfig(smplx=tmp_path)) == "body"


def test_where_smplx_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    female = tmp_path / "SMPLX_FEMALE.npz"
    write_model(female)
    monkeypatch.delenv("SMPLX_MODEL_PATH", raising=False)
    assert find_smplx(None) is None
    assert find_smplx(tmp_path, "male") == female
    monkeypatch.setenv("SMPLX_MODEL_PATH", str(tmp_path))
    assert find_smplx(None) == female


def test_smplx_without_files_or_with_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMPLX_MODEL_PATH", raising=False)
    with pytest.raises(MissingResource, match="--smplx or SMPLX_MODEL_PATH"):
        smplx.figure(standing_clip(1))
    np.savez(tmp_path / "SMPLX_MALE.npz", poses=np.zeros(3))
    with pytest.raises(BadInput, match="not an SMPL-X model"):
        smplx.figure(standing_clip(1), tmp_path)


@pytest.mark.parametrize("name", plugins.names("renderer"))
@pytest.mark.parametrize("joints", [22, 55])
def test_every_style_gives_a_figure_that_can_be_drawn(tmp_path: Path, name: str, joints: int) -> None:
    write_model(tmp_path / "SMPLX_NEUTRAL.npz")
    check_renderer(name, tmp_path, joints)


def test_all_styles_are_found() -> None:
    assert {"body", "skeleton", "smplx"} <= set(plugins.names("renderer"))
