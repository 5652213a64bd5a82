"""The release's folder becomes ours: the same networks, and a name for whatever is wrong with it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from infinitedance_cli.errors import BadInput, MissingResource
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


Change = Callable[[Path], None]


def spoilt(release: Path, folder: Path, file: str) -> tuple[Path, Path]:
    """The release once more, sharing its files but for one, which may be changed; that one too."""
    copied = folder / "release"
    shutil.copytree(release, copied, copy_function=os.link)
    (path,) = copied.rglob(file)
    shutil.copy(path, folder / "own")
    return copied, (folder / "own").replace(path)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _page(path: Path) -> None:
    path.write_text("<html>you have to log in</html>")


def _other(name: str) -> Change:
    """Another checkpoint of the release under this one's name."""
    return lambda path: shutil.copy(path.with_name(name), path) and None


def _torch(change: Callable[[Any], Any], key: str = "") -> Change:
    """Save a checkpoint again with other tensors."""

    def apply(path: Path) -> None:
        content = torch.load(path, weights_only=True)
        tensors = change(content[key] if key else content)
        torch.save({**content, key: tensors} if key else tensors, path)

    return apply


def _without(name: str) -> Callable[[Any], Any]:
    return lambda tensors: {key: value for key, value in tensors.items() if key != name}


def _with(name: str, value: Callable[[Any], torch.Tensor]) -> Callable[[Any], Any]:
    return lambda tensors: {**tensors, name: value(tensors)}


def _array(change: Callable[[Any], Any]) -> Change:
    return lambda path: np.save(path, change(np.load(path)))


def _embeddings(**changes: Callable[[Any], Any]) -> Change:
    def apply(path: Path) -> None:
        with np.load(path) as file:
            arrays = dict(file)
        np.savez(path, **{name: changes.get(name, lambda same: same)(values) for name, values in arrays.items()})

    return apply


def _json(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    return lambda path: path.write_text(json.dumps(change(json.loads(path.read_text())))) and None


def _half_precision(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Kept in float16 by somebody who did not look: what was too large has become infinite."""
    large = {**tensors, "llama.model.norm.weight": torch.full((128,), 1e6)}
    return {name: tensor.half() for name, tensor in large.items()}


def _mixed_precision(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The head in float16, which decides what the network is kept in, and a value in bfloat16 that does not fit."""
    head = ("llama.lm_head.weight", "llama.model.embed_tokens.weight")
    large = {**tensors, "llama.model.norm.weight": torch.full((128,), 1e6, dtype=torch.bfloat16)}
    return {name: tensor.half() if name in head else tensor for name, tensor in large.items()}


STAGE_2, VQVAE, RETRIEVAL = "best_model_stage2.pt", "dance_vqvae.pth", "retrievalnet_bc256_s100l384.ckpt"
EMBEDDINGS = "retrievalnet_motion_embeddings.npz"
MEAN, DEVIATION = (f"alldata_new_joint_vecs264/meta/{name}.npy" for name in ("Mean", "Std"))
REFERENCE_MEAN, REFERENCE_DEVIATION = (
    f"alldata_new_joint_vecs264_ft_balanced/meta/{name}.npy" for name in ("Mean", "Std")
)


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        (STAGE_2, Path.unlink, r"holds no best_model_stage2\.pt"),
        (STAGE_2, _cut, r"best_model_stage2\.pt: not a readable checkpoint, perhaps half downloaded \([0-9,]+ bytes; "),
        (STAGE_2, _empty, r"half downloaded \(0 bytes"),
        (STAGE_2, _page, "half downloaded"),
        (STAGE_2, _torch(_without("style_classifier.bias")), r"the tensor style_classifier\.bias is missing$"),
        (STAGE_2, _torch(_without("llama.lm_head.weight")), r"the tensor llama\.lm_head\.weight is missing$"),
        (STAGE_2, _torch(_with("surplus", lambda _: torch.zeros(1))), "surplus is not part of a Released"),
        (
            STAGE_2,
            _torch(
                lambda tensors: _with("surplus", lambda _: torch.zeros(1))(_without("style_classifier.bias")(tensors))
            ),
            r"style_classifier\.bias is missing \(1 are missing, 1 too many\)",
        ),
        (
            STAGE_2,
            _torch(_with("style_classifier.bias", lambda _: torch.zeros(7))),
            r"style_classifier\.bias has shape \(7,\); expected \(6,\)",
        ),
        (
            STAGE_2,
            _torch(_with("style_classifier.bias", lambda _: torch.tensor([float("inf")] * 6))),
            r"style_classifier\.bias \(float32\) holds values that are not finite",
        ),
        (STAGE_2, _torch(_half_precision), r"llama\.model\.norm\.weight \(float16\) holds values that are not finite"),
        (STAGE_2, _torch(_mixed_precision), r"norm\.weight has the value 9.994e\+05; float16 ends at 6.55e\+04"),
        (STAGE_2, _other(VQVAE), "another kind of checkpoint"),
        (STAGE_2, lambda path: torch.save({"weight": torch.zeros(1)}, path), r"llama\.lm_head\.weight is missing"),
        (VQVAE, Path.unlink, r"holds no dance_vqvae\.pth"),
        (VQVAE, _cut, "half downloaded"),
        (VQVAE, lambda path: torch.save({"model": {}}, path), "expected a dict with 'net'"),
        (VQVAE, _other(RETRIEVAL), "expected a dict with 'net'"),
        (VQVAE, _torch(_without("encoder.model.0.bias"), "net"), r"encoder\.model\.0\.bias is missing"),
        (VQVAE, _torch(lambda net: {k: v for k, v in net.items() if "vel_" not in k}, "net"), "no such tensors"),
        (RETRIEVAL, Path.unlink, "holds no retrievalnet_"),
        (RETRIEVAL, _cut, "half downloaded"),
        (RETRIEVAL, _other(STAGE_2), "expected a dict with 'state_dict'"),
        (RETRIEVAL, _torch(_without("model.motion_encoder.proj_in.weight"), "state_dict"), "proj_in.weight is missing"),
        ("args.json", Path.unlink, r"args\.json: there is no such file"),
        ("args.json", _cut, "not the options"),
        ("args.json", _json(_without("depth")), "has no 'depth'"),
        ("args.json", _json(lambda given: {**given, "width": "16"}), "'width' is '16'; expected a whole number"),
        ("args.json", _json(lambda given: {**given, "width": 32}), r"has shape \(16, .*; expected \(32,"),
        ("args.json", _json(lambda given: {**given, "stride_t": 4}), "stride_t = 2"),
        ("args.json", _json(lambda given: {**given, "vq_act": "tanh"}), "'tanh'"),
        ("args.json", _json(lambda given: {**given, "shared_codebook": True}), "shared_codebook"),
        (
            "args.json",
            _json(lambda given: {**given, "vel_decoder": False}),
            "'vel_decoder' is False, but dance_vqvae.pth",
        ),
        (MEAN, Path.unlink, r"Mean\.npy: there is no such file"),
        (MEAN, _cut, r"Mean\.npy: not a readable array, perhaps half downloaded"),
        (MEAN, _array(lambda mean: mean[:263]), r"Mean\.npy: has float.. values \(263,\); expected 264"),
        (DEVIATION, _array(lambda std: np.where(np.arange(264) == 17, 0, std)), r"Std\.npy: value 17 is 0"),
        (REFERENCE_DEVIATION, _array(np.zeros_like), r"balanced/meta/Std\.npy: value 0 is 0"),
        (REFERENCE_MEAN, _array(lambda mean: mean * np.nan), r"balanced/meta/Mean\.npy: value 0 is not finite"),
        (EMBEDDINGS, Path.unlink, "holds no retrievalnet_motion_embeddings"),
        (EMBEDDINGS, _cut, r"embeddings\.npz: .*perhaps half downloaded"),
        (EMBEDDINGS, lambda path: np.savez(path, names=np.array(["a@0_384"])), "has no array 'embeddings'"),
        (EMBEDDINGS, _embeddings(names=lambda names: names.astype(object)), "it holds pickled objects"),
        (
            EMBEDDINGS,
            _embeddings(embeddings=lambda vectors: vectors[:, :100]),
            "have 100 values; RetrievalNet gives 256",
        ),
        (EMBEDDINGS, _embeddings(embeddings=lambda vectors: vectors[1:]), r"6 names and embeddings \(5, 256\)"),
        (
            EMBEDDINGS,
            _embeddings(embeddings=lambda vectors: vectors * np.nan),
            "embedding of Ballet_a@0_384 is not finite",
        ),
        (EMBEDDINGS, _embeddings(names=lambda names: np.char.replace(names, "@", "-")), "not named clip@start_end"),
        (EMBEDDINGS, _embeddings(names=lambda names: np.char.add("x", names)), "none of the 3 clips .* xBallet_a.npy"),
        ("all_style_map.json", _cut, "expected a JSON map"),
    ],
)
def test_what_is_wrong_is_named(release: Path, tmp_path: Path, file: str, change: Change, message: str) -> None:
    folder, path = spoilt(release, tmp_path, file)
    change(path)
    with pytest.raises((BadInput, MissingResource), match=message) as caught:
        convert_release(folder, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()  # nothing is written before all is read


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("file", [STAGE_2, VQVAE, RETRIEVAL])
def test_a_pickle_in_disguise_is_not_run(release: Path, tmp_path: Path, file: str, zipped: bool) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (exec, (f"open({str(tmp_path / 'trapped')!r}, 'w')",))

    folder, path = spoilt(release, tmp_path, file)
    torch.save({"net": Trap(), "state_dict": Trap()}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(BadInput, match=r"holds (builtins\.)?exec, which would have to be run.*nothing was run"):
        convert_release(folder, tmp_path / "out")
    assert not (tmp_path / "trapped").exists()


def test_archives_that_were_not_unpacked_are_named(release: Path, tmp_path: Path) -> None:
    folder, _ = spoilt(release, tmp_path, STAGE_2)
    (features,) = folder.rglob("*_ft_balanced")
    shutil.rmtree(features)
    archive = features.with_name(f"{features.name}.tar.gz")
    archive.write_bytes(b"packed")
    with pytest.raises(MissingResource, match=f"holds no {features.name}/; unpack {archive}"):
        convert_release(folder, tmp_path / "out")


def test_some_clips_may_be_missing(release: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder, clip = spoilt(release, tmp_path, "*_ft_balanced/Popular_c.npy")
    clip.unlink()
    (tmp_path / "out").mkdir()
    kept = convert_release(folder, tmp_path / "out")
    assert kept == (clip.parent, clip.parent.with_name("Infinite_MotionTokens_512x1024_3layer_cleandata"))
    assert "1 of the 3 clips of the indexed dances are missing, such as Popular_c.npy" in caplog.text


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (Path.unlink, MissingResource, r"none of the 1 retrieved dances whole \(Ballet_a\.npy is missing"),
        (_array(lambda rows: rows[:100]), MissingResource, r"Ballet_a\.npy has 100 frames for 0 to 384"),
        (
            _array(lambda rows: rows[:, :263]),
            BadInput,
            r"Ballet_a\.npy: features \(800, 263\); expected \(frames, 264\)",
        ),
        (_array(lambda rows: rows * np.nan), BadInput, r"Ballet_a\.npy: holds values that are not finite"),
        (_cut, BadInput, r"Ballet_a\.npy: not a readable array, perhaps half downloaded"),
    ],
)
def test_a_clip_that_cannot_be_a_reference_is_named(
    bundle: ReleasedBundle, tmp_path: Path, change: Change, error: type[Exception], message: str
) -> None:
    shutil.copy(bundle.dances.features / "Ballet_a.npy", tmp_path)
    change(tmp_path / "Ballet_a.npy")
    with pytest.raises(error, match=message):
        replace(bundle.dances, features=tmp_path).reference(["Ballet_a@0_384"], 10, 384)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_array(lambda tokens: tokens + 512), r"gTiny_b\.npy: holds tokens that are no codes of their layer"),
        (_array(lambda tokens: tokens.astype(np.float32)), r"gTiny_b\.npy: holds float32 values; expected tokens"),
        (_cut, r"gTiny_b\.npy: not a readable array"),
    ],
)
def test_a_token_file_that_holds_something_else_is_named(
    bundle: ReleasedBundle, tmp_path: Path, change: Change, message: str
) -> None:
    shutil.copy(bundle.dances.tokens / "gTiny_b.npy", tmp_path)
    change(tmp_path / "gTiny_b.npy")
    with pytest.raises(BadInput, match=message):
        replace(bundle.dances, tokens=tmp_path).opening(["gTiny_b@192_576"], 20)


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
