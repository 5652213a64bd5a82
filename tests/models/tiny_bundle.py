"""A generator small enough for tests: the four files of a bundle in the real format, with random weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from infinitedance_cli.models.backbone import BackboneConfig
from infinitedance_cli.models.bundle import FILES
from infinitedance_cli.models.cadence_moe import MoEConfig
from infinitedance_cli.models.checkpoint import save_model
from infinitedance_cli.models.choreographer import Choreographer, ChoreographerConfig
from infinitedance_cli.models.conditioning import ConditionConfig
from infinitedance_cli.models.dance_index import DanceIndex, IndexedClip, build_index, save_index
from infinitedance_cli.models.retriever import Retriever, RetrieverConfig
from infinitedance_cli.models.rvq_vae import RVQConfig
from infinitedance_cli.models.step_features import body_features, step_features
from infinitedance_cli.models.timeline import SAMPLES_PER_STEP
from infinitedance_cli.models.tokenizer import Tokenizer, TokenizerConfig
from infinitedance_cli.motion.clip import Group, Labels, MotionClip, MusicTrack
from infinitedance_cli.motion.genres import GENRES
from infinitedance_cli.music.encoders.spectral import LAYOUT, RATE_HZ
from tests.motion.samples import wandering_clip

STEPS = 16
GENRES_KNOWN = ("breaking", "hip-hop", "salsa")
MUSIC_DIM = LAYOUT.dimension * SAMPLES_PER_STEP


def danced_clip(frames: int = 150, seed: int = 0, split: str = "train", joints: int = 22) -> MotionClip:
    """A made-up clip as training reads it: random music features, a genre, and the /dataset group."""
    clip = wandering_clip(frames, seed, joints)
    random = np.random.default_rng(seed)
    rows = int(np.ceil(clip.duration_s * RATE_HZ))
    features = random.uniform(-1, 1, (rows, LAYOUT.dimension)).astype(np.float16)
    facts = {"source": "made-up", "licence": "CC0", "credit": "nobody", "split": split}
    return replace(
        clip,
        music=MusicTrack(
            path="noise.wav", beats=np.arange(0, clip.duration_s, 0.5), features=features, encoder="spectral"
        ),
        labels=Labels(GENRES_KNOWN[seed % len(GENRES_KNOWN)]),
        extra={"dataset": Group(attributes=facts)},
    )


def tiny_tokenizer() -> Tokenizer:
    """Codes of clips like `danced_clip`; what it decodes moves about as they do."""
    torch.manual_seed(0)
    network = RVQConfig(width=16, code_dim=8, codebook_size=32, depth=1)
    tokenizer = Tokenizer(TokenizerConfig(network=network))
    rows = torch.from_numpy(np.concatenate([body_features(danced_clip(seed=seed), "paper-259") for seed in range(3)]))
    tokenizer.set_statistics(rows.mean(0), rows.std(0).clamp(min=1e-3))
    latent = tokenizer.network.latent(tokenizer.normalise(rows[:444])[None]).detach()[0]
    tokenizer.network.quantizer.initialise(latent)
    return tokenizer.eval()


def tiny_retriever() -> Retriever:
    torch.manual_seed(1)
    config = RetrieverConfig(
        motion_dim=259, music_dim=MUSIC_DIM, length=STEPS, width=16, layers=1, heads=2, feedforward=32
    )
    return Retriever(config).eval()


def tiny_choreographer(tokenizer: Tokenizer) -> Choreographer:
    torch.manual_seed(2)
    network = tokenizer.config.network
    config = ChoreographerConfig(
        steps=STEPS,
        codebook_size=network.codebook_size,
        code_dim=network.code_dim,
        backbone=BackboneConfig(hidden=32, layers=1, heads=2, key_value_heads=1, intermediate=48),
        condition=ConditionConfig(
            music_dim=MUSIC_DIM,
            genres=len(GENRES),
            genre_dim=8,
            reference_dim=network.code_dim,
            moe=MoEConfig(bands=2, heads=2, state=4),
        ),
    )
    model = Choreographer(config).eval()
    model.set_codebook(tokenizer.network.codebooks())
    return model


@torch.no_grad()
def tiny_index(tokenizer: Tokenizer, retriever: Retriever) -> DanceIndex:
    """Two clips of each known genre, a window every four steps."""
    clips, windows, embeddings = [], [], []
    for number in range(6):
        clip = danced_clip(seed=number)
        steps = step_features(clip, tokenizer)
        for start in range(0, len(steps.codes) - STEPS + 1, 4):
            windows.append((number, start))
            row = torch.from_numpy(steps.motion[start : start + STEPS])[None]
            embeddings.append(retriever.embed_motion(row)[0].numpy())
        genre = GENRES_KNOWN[number % len(GENRES_KNOWN)]
        clips.append(
            IndexedClip(clip.clip_id, genre, steps.codes, {"source": "made-up", "licence": "CC0"}, steps.movement)
        )
    details = {"codebook_sha256": tokenizer.codebook_sha256}
    return build_index(clips, np.array(windows, np.int32), np.stack(embeddings), STEPS, details)


def write_tiny_bundle(folder: Path) -> Path:
    """Write all four files; returns `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer, retriever = tiny_tokenizer(), tiny_retriever()
    provenance = {"genres": list(GENRES_KNOWN), "encoder": "spectral", "licences": ["CC0"]}
    save_model(folder / FILES["tokenizer"], tokenizer, provenance={})
    save_model(folder / FILES["retriever"], retriever, provenance={})
    save_index(tiny_index(tokenizer, retriever), folder / FILES["index"])
    save_model(folder / FILES["choreographer"], tiny_choreographer(tokenizer), provenance=provenance)
    return folder
