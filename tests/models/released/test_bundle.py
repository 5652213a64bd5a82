"""The release's folder becomes ours: the same networks, and a name for whatever is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from infinitedance_cli.errors import BadInput, IdanceError, MissingResource
from infinitedance_cli.models.choreographer_release import ReleasedChoreographer
from infinitedance_cli.models.released.bundle import ReleasedBundle, convert_release
from tests.models.released.tiny_release import CHOREOGRAPHER, write_release


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def bundle(release: Path, tmp_path_factory: pytest.TempPathFactory) -> ReleasedBundle:
    folder = tmp_path_factory.mktemp("infinitedance")
    convert_release(release, folder)
    return ReleasedBundle(folder)


def test_sizes_are_read_off_the_files(bundle: ReleasedBundle) -> None:
    model = bundle.choreographer(torch.device("cpu"), torch.float32)
    assert model.config == CHOREOGRAPHER
    assert bundle.tokenizer.config.network.dilation_growth == 2


def test_networks_keep_their_weights(bundle: ReleasedBundle, release: Path) -> None:
    model = bundle.choreographer(torch.device("cpu"), torch.float32)
    stored = torch.load(release / "checkpoints" / "best_model_stage2.pt", weights_only=True)
    own = model.state_dict()
    assert own.keys() == stored.keys()
    assert all(torch.equal(own[name], tensor.float()) for name, tensor in stored.items())
    assert torch.equal(model.codebook, bundle.tokenizer.network.codebooks())


def test_a_model_from_its_file_computes_what_one_in_memory_does(bundle: ReleasedBundle) -> None:
    # A model built without memory for its weights loses what no file holds: codebooks, rotary frequencies.
    model = bundle.choreographer(torch.device("cpu"), torch.float32)
    trainable = ReleasedChoreographer(model.config).eval()
    trainable.load_state_dict(model.state_dict())
    trainable.set_codebook(bundle.tokenizer.network.codebooks())
    codes = torch.randint(0, 512, (1, 4, 3), generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    music, reference = (torch.randn(1, n, d, generator=generator) for n, d in ((320, 1024), (384, 264)))
    with torch.no_grad():
        logits = [each(codes, each.condition(music, torch.tensor([1]), reference))[1] for each in (model, trainable)]
    assert torch.allclose(logits[0], logits[1], atol=1e-3)


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("best_model_stage2.pt", "drop", "style_classifier.bias is missing"),
        ("best_model_stage2.pt", "add", "surplus is not part of"),
        ("best_model_stage2.pt", "infinite", "not finite"),
        ("best_model_stage2.pt", "half", "half downloaded"),
        ("best_model_stage2.pt", "gone", r"holds no best_model_stage2\.pt"),
        ("dance_vqvae.pth", "gone", r"holds no dance_vqvae\.pth"),
        ("dance_vqvae.pth", "swap", "expected a dict with 'net'"),
        ("args.json", "half", "not the options"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, file: str, change: str, message: str) -> None:
    folder = write_release(tmp_path / "release")
    path = folder / "checkpoints" / file
    if change == "half":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif change == "gone":
        path.unlink()
    elif change == "swap":
        torch.save({"model": {}}, path)
    else:
        tensors = torch.load(path, weights_only=True)
        tensors |= {"surplus": torch.zeros(1)} if change == "add" else {}
        if change == "infinite":
            tensors["style_classifier.bias"][0] = float("inf")
        if change == "drop":
            del tensors["style_classifier.bias"]
        torch.save(tensors, path)
    with pytest.raises((BadInput, MissingResource), match=message):
        convert_release(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()  # nothing is written before all is read


def test_a_pickle_in_disguise_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (exec, (f"open({str(tmp_path / 'trapped')!r}, 'w')",))

    folder = write_release(tmp_path / "release")
    torch.save({"net": Trap()}, folder / "checkpoints" / "dance_vqvae.pth")
    with pytest.raises(IdanceError):
        convert_release(folder, tmp_path / "out")
    assert not (tmp_path / "trapped").exists()


def test_other_options_of_the_tokeniser_are_refused(tmp_path: Path) -> None:
    folder = write_release(tmp_path / "release")
    path = folder / "checkpoints" / "args.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "shared_codebook": True}))
    with pytest.raises(BadInput, match="shared_codebook"):
        convert_release(folder, tmp_path / "out")


def test_reference_is_the_weighted_sum_of_normalised_segments(bundle: ReleasedBundle) -> None:
    dances = bundle.dances
    names = ["gTiny_b@192_576", "Ballet_a@0_384", "Popular_c@500_884", "gone@0_384"]
    first = np.load(dances.features / "gTiny_b.npy")[192:576]
    second = np.load(dances.features / "Ballet_a.npy")[:384]
    expected = (2 * first + second) / 3  # the third ends after its clip, the fourth has no file
    found = dances.reference(names, 10, 384)
    assert np.allclose(found * dances.deviation + dances.mean, expected, atol=1e-5)
    with pytest.raises(MissingResource, match="holds none of the 1"):
        dances.reference(["gone@0_384"], 10, 384)


def test_dances_are_sought_within_a_style(bundle: ReleasedBundle) -> None:
    dances = bundle.dances
    query = dances.embeddings[0]  # a ballet
    assert dances.search(query, 0, 5)[0] == "Ballet_a@0_384"
    popular = dances.search(query, 1, 10)
    assert sorted(popular) == sorted(name for name in dances.names if "Ballet" not in name)
    likeness = [float(dances.embeddings[dances.names.index(name)] @ query) for name in popular]
    assert likeness == sorted(likeness, reverse=True)
    with pytest.raises(MissingResource, match="none of the style latin; they have ballet, popular"):
        dances.search(query, 2, 5)


def test_opening_is_read_off_the_token_file(bundle: ReleasedBundle) -> None:
    flat = np.load(bundle.dances.tokens / "gTiny_b.npy").reshape(-1, 3) - 4096 - 512 * np.arange(3)
    opening = bundle.dances.opening(["gone@0_384", "gTiny_b@192_576"], 20)
    assert opening is not None and np.array_equal(opening, flat[48:68])
