"""A folder laid out as the release's, with small random networks under the real names."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from infinitedance_cli.models.backbone import BackboneConfig
from infinitedance_cli.models.cadence_moe import MoEConfig
from infinitedance_cli.models.choreographer_release import ReleasedChoreographer, ReleasedChoreographerConfig
from infinitedance_cli.models.retriever import Retriever, RetrieverConfig
from infinitedance_cli.models.rvq_vae import RVQVAE, RVQConfig
from infinitedance_cli.motion.features import RELEASE_264, clip_to_features
from infinitedance_cli.testing import example_clip

WIDTH = 16
DANCES = ("Ballet_a", "gTiny_b", "Popular_c")
OPTIONS = {
    "nb_code": 512,
    "code_dim": WIDTH,
    "output_emb_width": WIDTH,
    "down_t": 2,
    "stride_t": 2,
    "width": WIDTH,
    "depth": 2,
    "dilation_growth_rate": 2,
    "vq_act": "relu",
    "vq_norm": None,
    "num_quantizers": 3,
    "shared_codebook": False,
    "quantize_dropout_prob": 0.2,
    "mu": 0.99,
    "vel_decoder": True,
    "rot_decoder": True,
}
CHOREOGRAPHER = ReleasedChoreographerConfig(
    backbone=replace(BackboneConfig.llama_3_2_1b(), hidden=128, layers=2, heads=2, key_value_heads=1, intermediate=64),
    moe=MoEConfig(bands=2, state=4, attention_residual=False),
    music_dim=1024,
    code_dim=WIDTH,
)


def spread_choreographer() -> ReleasedChoreographer:
    """A choreographer with random codebooks, whose codes are not all equally likely."""
    torch.manual_seed(0)
    model = ReleasedChoreographer(CHOREOGRAPHER).eval()
    model.set_codebook(torch.randn(model.codebook.shape))
    with torch.no_grad():
        model.llama.lm_head.weight.mul_(30)
    return model


def write_release(folder: Path) -> Path:
    """Write everything that `convert_release` reads; the codes are drawn from spread-out logits."""
    torch.manual_seed(0)
    checkpoints, motion = folder / "checkpoints", folder / "InfiniteDanceData" / "dance"
    checkpoints.mkdir(parents=True)
    network = RVQVAE(replace(RVQConfig.release(2), width=WIDTH, code_dim=WIDTH, depth=2))
    with torch.no_grad():
        for layer in network.quantizer.layers:
            layer.codebook.normal_()
    torch.save({"net": network.state_dict()}, checkpoints / "dance_vqvae.pth")
    (checkpoints / "args.json").write_text(json.dumps(OPTIONS))
    model = ReleasedChoreographer(CHOREOGRAPHER)
    with torch.no_grad():
        model.llama.lm_head.weight.mul_(20)
    torch.save(model.bfloat16().state_dict(), checkpoints / "best_model_stage2.pt")
    retriever = Retriever(RetrieverConfig.release())
    state = {f"model.{name}": tensor for name, tensor in retriever.state_dict().items()}
    # As Lightning writes it: beside the tensors, the state of the scheduler, which is no plain value.
    scheduler = {"milestones": Counter({8: 1}), "gamma": 0.2}
    torch.save(
        {"state_dict": state, "epoch": 3, "lr_schedulers": [scheduler]},
        checkpoints / "retrievalnet_bc256_s100l384.ckpt",
    )
    _write_dances(motion)
    return folder


def _write_dances(motion: Path) -> None:
    rows = clip_to_features(example_clip(frames=801), RELEASE_264)
    random = np.random.default_rng(0)
    for name in ("alldata_new_joint_vecs264", "alldata_new_joint_vecs264_ft_balanced"):
        (motion / name / "meta").mkdir(parents=True)
        np.save(motion / name / "meta" / "Mean.npy", rows.mean(0))
        np.save(motion / name / "meta" / "Std.npy", rows.std(0) + 0.1)
    tokens = motion / "Infinite_MotionTokens_512x1024_3layer_cleandata"
    tokens.mkdir()
    styles = motion.parent / "styles"
    styles.mkdir()
    (styles / "all_style_map.json").write_text(json.dumps({"gTiny_b": "Popular"}))
    names = []
    for clip in DANCES:
        np.save(motion / "alldata_new_joint_vecs264_ft_balanced" / f"{clip}.npy", rows + random.normal(0, 0.01))
        codes = random.integers(0, 512, (200, 3)) + 4096 + 512 * np.arange(3)
        np.save(tokens / f"{clip}.npy", codes.reshape(-1))
        names += [f"{clip}@0_384", f"{clip}@192_576"]
    vectors = random.normal(size=(len(names), 256)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.savez(motion / "retrievalnet_motion_embeddings.npz", names=np.array(names), embeddings=vectors)
