"""The release's folder becomes ours: the same networks, and a name for whatever is wrong with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from infinitedance_cli.errors import BadInput, MissingResource
from infinitedance_cli.models.choreographer_release import ReleasedChoreographer
from infinitedance_cli.models.released.bundle import ReleasedBundle, convert_release
from tests.models.released.spoilt_files import (
    Change,
    a_page,
    another,
    array_file,
    checkpoint,
    cut,
    embeddings,
    emptied,
    half_precision,
    holding,
    lacking,
    mixed_precision,
    options,
    spoilt,
)
from tests.models.released.tiny_release import CHOREOGRAPHER


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
        (STAGE_2, cut, r"best_model_stage2\.pt: not a readable checkpoint, perhaps half downloaded \([0-9,]+ bytes; "),
        (STAGE_2, emptied, r"half downloaded \(0 bytes"),
        (STAGE_2, a_page, "half downloaded"),
        (STAGE_2, checkpoint(lacking("style_classifier.bias")), r"the tensor style_classifier\.bias is missing$"),
        (STAGE_2, checkpoint(lacking("llama.lm_head.weight")), r"the tensor llama\.lm_head\.weight is missing$"),
        (STAGE_2, checkpoint(holding("surplus", lambda _: torch.zeros(1))), "surplus is not part of a Released"),
        (
            STAGE_2,
            checkpoint(
                lambda tensors: holding("surplus", lambda _: torch.zeros(1))(lacking("style_classifier.bias")(tensors))
            ),
            r"style_classifier\.bias is missing \(1 are missing, 1 too many\)",
        ),
        (
            STAGE_2,
            checkpoint(holding("style_classifier.bias", lambda _: torch.zeros(7))),
            r"style_classifier\.bias has shape \(7,\); expected \(6,\)",
        ),
        (
            STAGE_2,
            checkpoint(holding("style_classifier.bias", lambda _: torch.tensor([float("inf")] * 6))),
            r"style_classifier\.bias \(float32\) holds values that are not finite",
        ),
        (
            STAGE_2,
            checkpoint(half_precision),
            r"model\.norm\.weight \(float16\) holds values that are not finite",
        ),
        (STAGE_2, checkpoint(mixed_precision), r"norm\.weight has the value 9.994e\+05; float16 ends at 6.55e\+04"),
        (STAGE_2, another(VQVAE), "another kind of checkpoint"),
        (STAGE_2, lambda path: torch.save({"weight": torch.zeros(1)}, path), r"llama\.lm_head\.weight is missing"),
        (VQVAE, Path.unlink, r"holds no dance_vqvae\.pth"),
        (VQVAE, cut, "half downloaded"),
        (VQVAE, lambda path: torch.save({"model": {}}, path), "expected a dict with 'net'"),
        (VQVAE, another(RETRIEVAL), "expected a dict with 'net'"),
        (VQVAE, checkpoint(lacking("encoder.model.0.bias"), "net"), r"encoder\.model\.0\.bias is missing"),
        (VQVAE, checkpoint(lambda net: {k: v for k, v in net.items() if "vel_" not in k}, "net"), "no such tensors"),
        (RETRIEVAL, Path.unlink, "holds no retrievalnet_"),
        (RETRIEVAL, cut, "half downloaded"),
        (RETRIEVAL, another(STAGE_2), "expected a dict with 'state_dict'"),
        (
            RETRIEVAL,
            checkpoint(lacking("model.motion_encoder.proj_in.weight"), "state_dict"),
            "proj_in.weight is missing",
        ),
        ("args.json", Path.unlink, r"args\.json: there is no such file"),
        ("args.json", cut, "not the options"),
        ("args.json", options(lacking("depth")), "has no 'depth'"),
        ("args.json", options(lambda given: {**given, "width": "16"}), "'width' is '16'; expected a whole number"),
        ("args.json", options(lambda given: {**given, "width": 32}), r"has shape \(16, .*; expected \(32,"),
        ("args.json", options(lambda given: {**given, "stride_t": 4}), "stride_t = 2"),
        ("args.json", options(lambda given: {**given, "vq_act": "tanh"}), "'tanh'"),
        ("args.json", options(lambda given: {**given, "shared_codebook": True}), "shared_codebook"),
        (
            "args.json",
            options(lambda given: {**given, "vel_decoder": False}),
            "'vel_decoder' is False, but dance_vqvae.pth",
        ),
        (MEAN, Path.unlink, r"Mean\.npy: there is no such file"),
        (MEAN, cut, r"Mean\.npy: not a readable array, perhaps half downloaded"),
        (MEAN, array_file(lambda mean: mean[:263]), r"Mean\.npy: has float.. values \(263,\); expected 264"),
        (DEVIATION, array_file(lambda std: np.where(np.arange(264) == 17, 0, std)), r"Std\.npy: value 17 is 0"),
        (REFERENCE_DEVIATION, array_file(np.zeros_like), r"balanced/meta/Std\.npy: value 0 is 0"),
        (REFERENCE_MEAN, array_file(lambda mean: mean * np.nan), r"balanced/meta/Mean\.npy: value 0 is not finite"),
        (EMBEDDINGS, Path.unlink, "holds no retrievalnet_motion_embeddings"),
        (EMBEDDINGS, cut, r"embeddings\.npz: .*perhaps half downloaded"),
        (EMBEDDINGS, lambda path: np.savez(path, names=np.array(["a@0_384"])), "has no array 'embeddings'"),
        (EMBEDDINGS, embeddings(names=lambda names: names.astype(object)), "it holds pickled objects"),
        (
            EMBEDDINGS,
            embeddings(embeddings=lambda vectors: vectors[:, :100]),
            "have 100 values; RetrievalNet gives 256",
        ),
        (EMBEDDINGS, embeddings(embeddings=lambda vectors: vectors[1:]), r"6 names and embeddings \(5, 256\)"),
        (
            EMBEDDINGS,
            embeddings(embeddings=lambda vectors: vectors * np.nan),
            "embedding of Ballet_a@0_384 is not finite",
        ),
        (EMBEDDINGS, embeddings(names=lambda names: np.char.replace(names, "@", "-")), "not named clip@start_end"),
        (EMBEDDINGS, embeddings(names=lambda names: np.char.add("x", names)), "none of the 3 clips .* xBallet_a.npy"),
        ("all_style_map.json", cut, "expected a JSON map"),
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
