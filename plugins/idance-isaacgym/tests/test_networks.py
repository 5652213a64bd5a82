from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoint_files import UNITS, mcp, mlp, pnn, save
from idance_isaacgym.worker.idance_phc.control import first_degree, joint_targets, target_scale
from idance_isaacgym.worker.idance_phc.errors import BadFile, Missing
from idance_isaacgym.worker.idance_phc.policies import POLICIES, PolicySpec, check_files, find_policy
from torch import Tensor

SIZE = 934


def observations(size: int = SIZE) -> Tensor:
    return 3 * torch.randn((5, size), generator=torch.Generator().manual_seed(9))


def normal(path: Path, values: Tensor) -> np.ndarray:
    statistics = torch.load(path, weights_only=True)["running_mean_std"]
    mean, variance = statistics["running_mean"].float(), statistics["running_var"].float()
    return np.clip((values.numpy() - mean.numpy()) / np.sqrt(variance.numpy() + 1e-5), -5, 5)


Activation = Callable[[np.ndarray], np.ndarray]


def by_hand(model: dict[str, Tensor], prefix: str, values: np.ndarray, activation: Activation) -> np.ndarray:
    """The network `prefix` layer by layer, without an activation at its end."""
    for index in range(0, 2 * len(UNITS) + 1, 2):
        values = activation(values) if index else values
        values = values @ model[f"{prefix}.{index}.weight"].numpy().T + model[f"{prefix}.{index}.bias"].numpy()
    return values


def silu(values: np.ndarray) -> np.ndarray:
    return values / (1 + np.exp(-values))


def relu(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 0)


def test_a_composed_policy_by_hand(tmp_path: Path) -> None:
    columns, composer = pnn(SIZE), mcp(SIZE)
    columns_path = save(tmp_path / "phc_3/Humanoid.pth", columns, SIZE)
    path = save(tmp_path / "phc_comp_3/Humanoid.pth", composer, SIZE)
    values = observations()
    weights = np.clip(silu(by_hand(composer, "a2c_network.composer", normal(path, values), silu)), -1, 1)
    seen = normal(columns_path, values)
    proposals = np.stack([by_hand(columns, f"a2c_network.pnn.actors.{i}", seen, silu) for i in range(3)], axis=1)
    found = find_policy("phc_comp_3").load(str(tmp_path)).on("cpu")(values)
    np.testing.assert_allclose(found, (weights[:, :, None] * proposals).sum(axis=1), atol=1e-5)


def test_the_keypoint_composer_ends_without_an_activation(tmp_path: Path) -> None:
    size = 574
    columns, composer = pnn(size), mcp(size)
    columns_path = save(tmp_path / "phc_kp_2/Humanoid.pth", columns, size)
    path = save(tmp_path / "phc_comp_kp_2/Humanoid.pth", composer, size)
    values = observations(size)
    weights = np.clip(by_hand(composer, "a2c_network.composer", normal(path, values), silu), -1, 1)
    assert weights.min() < -0.3  # an activation would not let that through
    seen = normal(columns_path, values)
    proposals = np.stack([by_hand(columns, f"a2c_network.pnn.actors.{i}", seen, silu) for i in range(3)], axis=1)
    found = find_policy("phc_comp_kp_2").load(str(tmp_path))(values)
    np.testing.assert_allclose(found, (weights[:, :, None] * proposals).sum(axis=1), atol=1e-5)


def test_columns_alone_act_by_their_last(tmp_path: Path) -> None:
    columns = pnn(574, columns=4)
    path = save(tmp_path / "phc_kp_pnn_iccv/Humanoid.pth", columns, 574)
    values = observations(574)
    expected = by_hand(columns, "a2c_network.pnn.actors.3", normal(path, values), relu)
    found = find_policy("phc_kp_pnn_iccv").load(str(tmp_path))(values)
    np.testing.assert_allclose(found, np.clip(expected, -1, 1), atol=1e-5)
    assert np.abs(expected).max() > 1


def test_one_network_ends_in_its_head(tmp_path: Path) -> None:
    model = mlp(SIZE)
    path = save(tmp_path / "phc_prim/Humanoid.pth", model, SIZE)
    values = observations()
    layers = model | {
        f"a2c_network.actor_mlp.4.{field}": model[f"a2c_network.mu.{field}"] for field in ("weight", "bias")
    }
    expected = by_hand(layers, "a2c_network.actor_mlp", normal(path, values), silu)
    found = find_policy("phc_prim").load(str(tmp_path))(values)
    np.testing.assert_allclose(found, np.clip(expected, -1, 1), atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"actors.1.2.bias": None}, "no tensor a2c_network.pnn.actors.1.2.bias"),
        (
            {"actors.1.2.bias": None, "actors.1.2.weight": None},
            "actors.1.2.weight, though",
        ),
        (
            {"actors.0.0.weight": torch.zeros(24, 574)},
            r"actors.0.0.weight has shape \(24, 574\); .*\(24, 934\)",
        ),
        (
            {"actors.0.4.weight": torch.zeros(57, 16)},
            r"actors.0.4.weight has shape \(57, 16\); .*\(69, 16\)",
        ),
        ({"actors.2.4.bias": torch.zeros(57)}, r"actors.2.4.bias has shape \(57,\)"),
        ({"actors.3.0.weight": torch.zeros(1, 1)}, "a tensor a2c_network.pnn.actors.3.0.weight that"),
        ({"u.0.0.0.weight": torch.zeros(1, 1)}, "a tensor a2c_network.pnn.u.0.0.0.weight that"),
        ({"actors.0.0.scale": torch.zeros(1)}, "a tensor a2c_network.pnn.actors.0.0.scale that"),
    ],
)
def test_a_tensor_that_is_wrong_is_named(tmp_path: Path, changes: dict[str, Tensor | None], message: str) -> None:
    changed = pnn(SIZE) | {f"a2c_network.pnn.{name}": value for name, value in changes.items()}
    model = {name: value for name, value in changed.items() if value is not None}
    save(tmp_path / "phc_3/Humanoid.pth", model, SIZE)
    with pytest.raises(BadFile, match=message):
        find_policy("phc_3").load(str(tmp_path))


def test_another_kind_of_network_is_refused(tmp_path: Path) -> None:
    for name in ("phc_3", "phc_comp_3"):
        save(tmp_path / name / "Humanoid.pth", pnn(SIZE), SIZE)
    with pytest.raises(BadFile, match="no tensor a2c_network.composer.0.weight; .* another kind of network"):
        find_policy("phc_comp_3").load(str(tmp_path))


def test_statistics_of_another_observation_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "phc_3/Humanoid.pth", pnn(SIZE), 574)
    with pytest.raises(BadFile, match=r"running_mean is \(574,\); expected \(934,\)"):
        find_policy("phc_3").load(str(tmp_path))


def test_files_that_are_no_checkpoints_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "phc_3/Humanoid.pth"
    path.parent.mkdir()
    with pytest.raises(Missing, match=r"phc_3/Humanoid\.pth"):
        find_policy("phc_3").load(str(tmp_path))
    for content, message in (({"state": 1}, "no dictionary 'model'"), ({"model": {}}, "no 'running_mean_std'")):
        torch.save(content, path)
        with pytest.raises(BadFile, match=message):
            find_policy("phc_3").load(str(tmp_path))
    for rubbish in (b"", b"<html>quota exceeded</html>"):
        path.write_bytes(rubbish)
        with pytest.raises(BadFile, match="cannot be read"):
            find_policy("phc_3").load(str(tmp_path))


class _Harm:
    """Runs a command when it is unpickled without care."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self._path,)


def test_a_checkpoint_runs_no_code(tmp_path: Path) -> None:
    harmed = tmp_path / "harmed"
    save(tmp_path / "phc_3/Humanoid.pth", pnn(SIZE), SIZE, env_state=_Harm(harmed))
    with pytest.raises(BadFile, match="cannot be read"):
        find_policy("phc_3").load(str(tmp_path))
    path = tmp_path / "phc_3/Humanoid.pth"
    path.write_bytes(pickle.dumps({"model": _Harm(harmed)}, protocol=2))
    with pytest.raises(BadFile, match="cannot be read"):
        find_policy("phc_3").load(str(tmp_path))
    assert not harmed.exists()


def test_a_number_of_numpy_in_a_checkpoint_is_admitted(tmp_path: Path) -> None:
    save(tmp_path / "phc_3/Humanoid.pth", pnn(SIZE), SIZE, last_mean_rewards=np.float32(3.5))
    assert find_policy("phc_3").load(str(tmp_path))(observations()).shape == (5, 69)


def test_a_policy_of_the_published_size(tmp_path: Path) -> None:
    """Six hidden layers, three columns and a composer of 934 numbers, as PHC+ is."""
    units = (2048, 1536, 1024, 1024, 512, 512)
    save(tmp_path / "phc_3/Humanoid.pth", pnn(SIZE, units=units), SIZE)
    save(tmp_path / "phc_comp_3/Humanoid.pth", mcp(SIZE, units=units), SIZE)
    policy = find_policy("phc_comp_3").load(str(tmp_path)).on("cpu")
    sizes = (SIZE, *units)
    hidden = sum((size + 1) * following for size, following in zip(sizes[:-1], sizes[1:], strict=True))
    count = sum(parameter.numel() for parameter in policy.parameters())
    assert count == 3 * (hidden + 513 * 69) + hidden + 513 * 3 == 34_000_082
    assert policy(observations()).shape == (5, 69)


def test_policies_name_the_files_they_need(tmp_path: Path) -> None:
    names = {name: [path.parent.name for path in spec.files("x")] for name, spec in POLICIES.items()}
    assert names["phc_comp_3"] == ["phc_comp_3", "phc_3"]
    assert names["phc_prim"] == ["phc_prim"]
    with pytest.raises(Missing, match=r"phc_comp_3/Humanoid\.pth.*download_data"):
        check_files(find_policy("phc_comp_3"), str(tmp_path))
    with pytest.raises(BadFile, match="no policy 'phc_4'; known: phc_comp_3"):
        find_policy("phc_4")
    assert {PolicySpec("x", observation).observation_size for observation in (6, 7)} == {934, 574}


def test_actions_become_targets() -> None:
    targets = joint_targets(torch.full((2, 69), 0.5), freeze_hands=False, freeze_toes=False)
    knees = [first_degree(name) + 1 for name in ("L_Knee", "R_Knee")]
    assert knees == [4, 16]
    others = [index for index in range(69) if index not in knees]
    assert targets[:, knees].tolist() == [[2.5, 2.5]] * 2
    torch.testing.assert_close(targets[:, others], torch.full((2, 67), np.pi / 2))
    assert len(target_scale()) == 69


def test_frozen_hands_and_toes_aim_at_rest() -> None:
    targets = joint_targets(torch.ones((1, 69)), freeze_hands=True, freeze_toes=True)[0]
    frozen = {
        index
        for name in ("L_Toe", "R_Toe", "L_Hand", "R_Hand")
        for index in range(first_degree(name), first_degree(name) + 3)
    }
    assert set((targets == 0).nonzero().flatten().tolist()) == frozen == {9, 10, 11, 21, 22, 23, 51, 52, 53, 66, 67, 68}
