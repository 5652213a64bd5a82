"""MuQ: mel bands by their definition, rows by a plain writing of the network (which is muq 0.1.0's), files by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from infinitedance_cli import weights
from infinitedance_cli.errors import BadInput, MissingResource
from infinitedance_cli.music.encoders import _muq_network, muq
from infinitedance_cli.music.encoders._muq_network import MuQNetwork, mel_filters
from infinitedance_cli.music.song import song_from_audio
from tests.models.released.tiny_muq import STATISTICS, write_muq
from tests.music import plain_muq


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("muq")
    write_muq(path, width=16)
    return path


@pytest.fixture(scope="module")
def network(folder: Path) -> MuQNetwork:
    network = muq.load_network(folder)
    for name, buffer in network.named_buffers():  # as after training
        if "running_" in name:
            buffer.copy_(torch.rand(buffer.shape, generator=torch.Generator().manual_seed(0)) + 0.5)
    return network


def _noise(seconds: float) -> np.ndarray:
    return 0.1 * np.random.default_rng(0).normal(size=int(24_000 * seconds)).astype(np.float32)


def test_a_tone_fills_the_mel_band_of_its_frequency(network: MuQNetwork) -> None:
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(24_000) / 24_000)[None]
    loudest = network.mel(tone)[0, :, 50].argmax()
    # 1000 Hz is mel 1000 (HTK); 128 bands share the 3266 mel below 12 kHz among 129 corners.
    assert abs(int(loudest) + 1 - 1000 / (2595 * np.log10(1 + 12_000 / 700) / 129)) < 1


def test_decibels_are_normalised_by_the_published_statistics(network: MuQNetwork) -> None:
    silence = network.mel(torch.zeros(1, 24_000))
    expected = (-100 - STATISTICS["melspec_2048_mean"]) / STATISTICS["melspec_2048_std"]
    assert torch.allclose(silence, torch.full_like(silence, expected), atol=1e-4)
    assert silence.shape == (1, 128, 100)


def test_filters_are_triangles_of_height_one() -> None:
    filters = mel_filters(16)  # few and wide: each has bins near its top
    assert (filters.max(0) > 0.9).all() and filters.max() <= 1
    assert np.allclose(filters[60:800].sum(1), 1, atol=1e-5)  # neighbours add up to one


def test_a_song_is_covered_to_its_end(network: MuQNetwork) -> None:
    song = song_from_audio(_noise(1.5), 24_000)
    rows = muq.MuQEncoder(network).encode(song)
    assert rows.shape == (38, 16)  # 37 rows of 960 samples, and one of the last half
    assert not np.array_equal(rows[37], rows[36])
    rows = muq.MuQEncoder(network).encode(song_from_audio(_noise(1.005), 24_000))
    assert rows.shape == (26, 16)
    assert np.array_equal(rows[25], rows[24])  # 120 samples are no hop


@pytest.mark.parametrize("samples", [2053, 24_000, 24_239, 24_240, 24_719, 36_000, 48_961])
def test_rows_are_those_of_the_plain_network(
    network: MuQNetwork, monkeypatch: pytest.MonkeyPatch, samples: int
) -> None:
    monkeypatch.setattr(_muq_network, "_PIECE_ROWS", 7)  # what the convolutions make in pieces is made at once there
    tensors = {name: value.double().numpy() for name, value in network.state_dict().items()}
    sound = _noise(3)[:samples]
    expected = plain_muq.encode(tensors, sound, *STATISTICS.values(), heads=4, depth=1)
    found = muq.encode_samples(network, sound)
    assert found.shape == expected.shape == (_muq_network.row_count(samples), 16)
    assert np.abs(found - expected).max() < 1e-4


def test_long_songs_are_read_in_windows(network: MuQNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = _noise(12)
    whole = muq.encode_samples(network, samples)
    monkeypatch.setattr(muq, "_WINDOW_S", 2)
    monkeypatch.setattr(muq, "_MARGIN_S", 2)
    pieces = muq.encode_samples(network, samples)
    assert np.array_equal(muq.encode_samples(network, samples, whole=True), whole)
    assert pieces.shape == whole.shape and not np.array_equal(pieces, whole)
    assert np.abs(pieces - whole).mean() < 0.1 * whole.std()


def test_tensors_that_do_not_fit_are_named(folder: Path, tmp_path: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    save_file({name: value for name, value in tensors.items() if "conv3" not in name}, tmp_path / "model.safetensors")
    with pytest.raises(BadInput, match=r"conv\.conv\.[01]\.conv3\.(weight|bias) is missing"):
        muq.load_network(tmp_path)
    save_file({**tensors, "model.conv.linear.bias": torch.zeros(3)}, tmp_path / "model.safetensors")
    with pytest.raises(BadInput, match=r"conv\.linear\.bias has shape \(3,\); expected \(16,\)"):
        muq.load_network(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"half")
    with pytest.raises(BadInput, match="not the published MuQ"):
        muq.load_network(tmp_path)


def _published(folder: Path, target: Path) -> Path:
    shutil.copytree(folder, target)
    return target


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"model_type": "bert", "hidden_size": 768},
            r"config\.json: has no 'stat': it is the .* another model \(bert\)",
        ),
        ({"stat": {}, "w2v2_config": {}}, "has no 'melspec_2048_mean'"),
        ({"stat": 3, "w2v2_config": {}}, r"config\.json: not the configuration of OpenMuQ/MuQ-large-msd-iter"),
        ([], r"config\.json: has no 'stat'"),
    ],
)
def test_the_configuration_of_another_model_is_told(folder: Path, tmp_path: Path, config: object, message: str) -> None:
    given = _published(folder, tmp_path / "given")
    (given / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadInput, match=message):
        muq.load_network(given)


def test_missing_files_are_named(folder: Path, tmp_path: Path) -> None:
    given = _published(folder, tmp_path / "given")
    (given / "model.safetensors").rename(given / "other.safetensors")
    with pytest.raises(MissingResource, match=r"given: holds no model\.safetensors or pytorch_model\.bin"):
        muq.load_network(given)
    (given / "config.json").unlink()
    with pytest.raises(MissingResource, match=r"config\.json: no such file"):
        muq.load_network(given)


def test_cut_and_infinite_weights_are_told(folder: Path, tmp_path: Path) -> None:
    given = _published(folder, tmp_path / "given")
    path = given / "model.safetensors"
    tensors = load_file(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadInput, match=r"model\.safetensors: not the published MuQ, perhaps half downloaded"):
        muq.load_network(given)
    save_file({**tensors, "model.conv.linear.bias": torch.full((16,), torch.inf).half()}, path)
    with pytest.raises(BadInput, match=r"model\.conv\.linear\.bias \(float16\) holds values that are not finite"):
        muq.load_network(given)


def test_what_is_added_is_what_is_used_whatever_the_format(
    folder: Path, tmp_path: Path, network: MuQNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDANCE_CACHE", str(tmp_path / "cache"))
    given = _published(folder, tmp_path / "given")
    torch.save(load_file(given / "model.safetensors"), given / "pytorch_model.bin")
    (given / "model.safetensors").unlink()
    added = weights.add(weights.find("muq"), given)
    assert sorted(path.name for path in added.iterdir()) == ["config.json", "idance-model.json", "model.safetensors"]
    assert load_file(added / "model.safetensors").keys() == network.state_dict().keys()
    again, published = muq.load_network(added).state_dict(), muq.load_network(folder).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in published.items())
    assert (given / "pytorch_model.bin").exists()


def test_a_pickle_in_disguise_is_not_run(folder: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (exec, (f"open({str(tmp_path / 'trapped')!r}, 'w')",))

    given = _published(folder, tmp_path / "given")
    (given / "model.safetensors").unlink()
    torch.save({"model.linear.weight": Trap()}, given / "pytorch_model.bin")
    with pytest.raises(BadInput, match=r"pytorch_model\.bin: holds (builtins\.)?exec, which would have to be run"):
        muq.load_network(given)
    assert not (tmp_path / "trapped").exists()
