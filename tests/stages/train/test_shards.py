"""Training clips that stay in their shards."""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.dance_index import DanceIndex
from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion.clip import Tokens
from infinitedance_cli.motion.features import layout_named
from infinitedance_cli.stages.train.augment import AugmentConfig
from infinitedance_cli.stages.train.batches import Pass, Plan, batches
from infinitedance_cli.stages.train.config import LoopConfig
from infinitedance_cli.stages.train.library import to_features, to_motion
from infinitedance_cli.stages.train.shards import ShardClips
from infinitedance_cli.stages.train.streamed import StreamedLibrary
from infinitedance_cli.stages.train.windows import Finder, StreamedWindows
from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.facts import facts_of
from infinitedance_cli.stream.shard_writer import ShardWriter
from tests.models.tiny_bundle import STEPS, danced_clip, tiny_index, tiny_retriever, tiny_tokenizer
from tests.stages.train.launched import write_shards

UNCHANGED = AugmentConfig(mirror=0, tempo_range=0, recombine=0, amplitude=0, bend=0, tilt=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shards(tmp_path_factory.mktemp("shards") / "clips", clips=6, frames=100)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return tiny_tokenizer()


def test_clips_are_told_apart_by_the_listing_alone(folder: Path, tmp_path: Path) -> None:
    other = write_shards(tmp_path / "more", clips=2, frames=40, held_out=0)
    clips = ShardClips([folder, other])
    assert clips.train.numbers.tolist() == [0, 1, 2, 3, 4, 6, 7] and clips.held_out.numbers.tolist() == [5]
    assert clips.train.frames.tolist() == [100] * 5 + [40] * 2
    assert clips.genres == ("breaking", "hip-hop", "salsa")
    assert clips.read(7).frames == 40 and clips.read(5).clip_id == "wandering-5"
    with pytest.raises(BadInput, match="7 training clips, none of 200 frames"):
        clips.train.of_length(200)


def test_windows_are_pieces_of_the_clips(folder: Path) -> None:
    library = StreamedLibrary(ShardClips([folder]), 34)
    assert [motion.clip for motion in library.measured] == ["wandering-5"]
    pool = library.features("paper-259", UNCHANGED, 0, 32)
    height = layout_named("paper-259").block("root_height").start
    rows = {seed: to_features(to_motion(danced_clip(100, seed)), "paper-259")[:, height] for seed in range(5)}
    windows = pool.windows(Pass(0, len(pool.order)))[..., height]
    found = [
        seed
        for window in windows
        for seed, whole in rows.items()
        if min(np.abs(whole[start : start + 32] - window).max() for start in range(68)) < 1e-5
    ]
    assert len(found) == len(windows) == 10 and set(found) == set(rows)


def test_parts_of_a_batch_are_the_batch(folder: Path) -> None:
    pool = StreamedLibrary(ShardClips([folder]), 34).features("paper-259", AugmentConfig(), 0, 32)
    whole = pool.windows(Pass(1, 6, 0, 6))
    parts = [pool.windows(Pass(1, 6, 0, 6, part, 3)) for part in range(3)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_a_short_clip_that_is_played_fast_still_fills_its_window(tmp_path: Path) -> None:
    clips = ShardClips([write_shards(tmp_path / "short", clips=3, frames=34, held_out=0)])
    pool = StreamedLibrary(clips, 34).features("paper-259", AugmentConfig(tempo_range=1.0), 0, 32)
    windows = pool.windows(Pass(0, 30))
    assert windows.shape == (30, 32, 259) and np.abs(np.diff(windows[:, -2:], axis=1)).max(-1).min() > 0


def test_a_damaged_shard_is_named_left_out_and_counted(folder: Path, tmp_path: Path, caplog: object) -> None:
    assert isinstance(caplog, pytest.LogCaptureFixture)
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for path in folder.iterdir():
        (damaged / path.name).write_bytes(path.read_bytes())
    shard = damaged / "shard-000000.h5"
    content = bytearray(shard.read_bytes())
    content[3000] ^= 255
    shard.write_bytes(content)
    clips = ShardClips([damaged])
    with caplog.at_level(logging.WARNING, "infinitedance_cli"):
        assert [clips.read_or_next(clips.train, place).clip_id for place in (0, 1, 0)] == ["wandering-1"] * 3
    assert [record.getMessage() for record in caplog.records] == [
        f"{shard}, clip at byte 0: its content is not what was written; the shard is damaged; left out"
    ]
    assert list(clips.lost.values()) == [2]
    for path in damaged.glob("*.h5"):
        path.write_bytes(b"")
    with pytest.raises(BadInput, match="none of the 5 training clips can be read"):
        clips = ShardClips([damaged])
        clips.read_or_next(clips.train, 3)


def streamed(folder: Path, tokenizer: Tokenizer) -> tuple[StreamedWindows, DanceIndex]:
    retriever = tiny_retriever()
    index = tiny_index(tokenizer, retriever)
    return StreamedWindows(ShardClips([folder]), tokenizer, STEPS, 0, Finder(retriever, index, 4, 2)), index


def test_pairs_and_references_from_shards(folder: Path, tokenizer: Tokenizer) -> None:
    """A dance is another clip's reference, never its own, and windows lie within their clips."""
    source, index = streamed(folder, tokenizer)
    windows = source.windows(Pass(0, 10))
    assert {window.pair.clip for window in windows} == {f"wandering-{seed}" for seed in range(5)}
    for window in windows:
        assert 0 <= window.draw.start <= window.pair.steps - STEPS and window.draw.steps == STEPS
        assert len(window.hits) == 2
        assert all(index.clips[hit.clip].clip_id != window.pair.clip for hit in window.hits)
    assert {window.pair.clip for window in source.measured(5, np.random.default_rng(0))} == {"wandering-5"}
    parts = [source.windows(Pass(0, 10, part=part, parts=2)) for part in range(2)]
    assert [(w.pair.clip, w.draw, w.hits) for part in parts for w in part] == [
        (w.pair.clip, w.draw, w.hits) for w in windows
    ]


def test_codes_that_a_clip_holds_are_taken(tmp_path: Path, tokenizer: Tokenizer) -> None:
    clip = danced_clip(100)
    codes = np.full((25, 3), 7, np.int16)
    with ShardWriter(tmp_path / "shards") as writer:
        for name, sha in (("own", tokenizer.codebook_sha256), ("foreign", "0" * 64)):
            tokens = Tokens(codes=codes, stride_frames=4, codebook_sha256=sha)
            held = replace(clip, clip_id=name, tokens=tokens)
            writer.add(encode(held), facts_of(held))
    source = StreamedWindows(ShardClips([tmp_path / "shards"]), tokenizer, STEPS, 0)
    taken = {window.pair.clip: window.pair.codes for window in source.windows(Pass(0, 2))}
    assert (taken["own"] == 7).all() and not (taken["foreign"] == 7).all()


def test_music_of_another_encoder_is_refused(tmp_path: Path, tokenizer: Tokenizer) -> None:
    with ShardWriter(tmp_path / "shards") as writer:
        for seed, encoder in enumerate(("spectral", "loudness")):
            clip = danced_clip(100, seed)
            assert clip.music is not None
            clip = replace(clip, music=replace(clip.music, encoder=encoder))
            writer.add(encode(clip), facts_of(clip))
    source = StreamedWindows(ShardClips([tmp_path / "shards"]), tokenizer, STEPS, 0)
    with pytest.raises(BadInput, match="through the encoder loudness, that of others through spectral"):
        source.windows(Pass(0, 2))


class Streamed:
    """As much of a recipe as loaders need."""

    def __init__(self, folder: Path) -> None:
        self.pool = StreamedLibrary(ShardClips([folder]), 34).features("paper-259", AugmentConfig(), 0, 32)

    def batch(self, where: Pass) -> dict[str, torch.Tensor]:
        if where.step == 5:
            raise BadInput("step 5 is damaged")
        return {"features": torch.from_numpy(self.pool.windows(where)), "step": torch.tensor(where.step)}


def test_loaders_give_the_same_batches_in_order(folder: Path) -> None:
    """The second process reads on where the first one has its files open."""
    recipe, before = Streamed(folder), torch.get_rng_state()
    ahead, plain = (
        batches(recipe, Plan(LoopConfig(steps=6, batch_size=4, loaders=loaders), 2, 8, 0, 1)) for loaders in (2, 0)
    )
    for step in range(2, 5):
        one, other = next(ahead), next(plain)
        assert int(one["step"]) == step and torch.equal(one["features"], other["features"])
    with pytest.raises(BadInput, match=r"^step 5 is damaged$"):
        next(ahead)
    assert torch.equal(torch.get_rng_state(), before) and math.isfinite(float(one["features"].sum()))
