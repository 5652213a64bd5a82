"""The choreographer's recipe: predict the next codes from the dance so far, music, genre and retrieved references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from infinitedance_cli.models.checkpoint import save_model
from infinitedance_cli.models.choreographer import Choreographer, ChoreographerConfig
from infinitedance_cli.models.dance_index import DanceIndex, Hit
from infinitedance_cli.models.references import reference_codes, reference_vectors
from infinitedance_cli.models.retriever import Retriever
from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion import genres
from infinitedance_cli.stages.train.pairs import Draw, Pair, PairSet, cut, draw_windows

_QUERY_STRIDE = 8


@dataclass(frozen=True)
class ChoreographerRecipeConfig:
    """The network, how many references a window gets, and from how many of the best they are drawn.

    `keep` says which weights are exported: those of the `last` evaluation, or those with the `best` held-out loss,
    which come so early that they hardly follow the beat yet.
    """

    model: ChoreographerConfig = field(default_factory=ChoreographerConfig)
    references: int = 4
    reference_pool: int = 10
    keep: Literal["last", "best"] = "last"


class ChoreographerTraining(nn.Module):
    """Condition and prediction in one forward call."""

    def __init__(self, choreographer: Choreographer) -> None:
        super().__init__()
        self.choreographer = choreographer

    def forward(
        self, codes: Tensor, previous: Tensor, valid: Tensor, music: Tensor, genre: Tensor, references: Tensor
    ) -> dict[str, Tensor]:
        """Losses of windows: codes (B, S, Q), references as codes (B, K, S, Q) where -1 marks a window without any."""
        network = self.choreographer
        vectors = reference_vectors(network.codebook, references.clamp(min=0))
        vectors = torch.where((references[..., :1] < 0), torch.zeros(()), vectors)
        condition = network.condition(music, genre, vectors)
        output = network(codes, condition, previous, valid)
        levels = {f"loss_{level}": value for level, value in enumerate(output.level_losses)}
        return {"loss": output.loss, **levels, "accuracy": output.accuracy[0]}


class ReferenceBook:
    """For every pair and every few steps, the windows of other clips that the retriever finds for the music there."""

    def __init__(self, pairs: Sequence[Pair], retriever: Retriever, index: DanceIndex, count: int, window: int) -> None:
        self.index, self.window = index, window
        self._hits = [self._search(pair, retriever, count) for pair in pairs]

    @torch.no_grad()
    def _search(self, pair: Pair, retriever: Retriever, count: int) -> list[list[Hit]]:
        starts = range(0, pair.steps, _QUERY_STRIDE)
        draws = [Draw(0, start, min(self.window, pair.steps - start)) for start in starts]
        music = torch.from_numpy(np.stack([cut(pair.music, draw, self.window) for draw in draws]).astype(np.float32))
        queries = retriever.embed_music(music).numpy()
        found = self.index.search(queries, count, genre=pair.genre, without={pair.source})
        # A genre of one clip has no other example: any genre is better than none.
        return [
            hits or self.index.search(query[None], count, without={pair.source})[0]
            for hits, query in zip(found, queries, strict=True)
        ]

    def draw(self, pair: int, start: int, count: int, random: np.random.Generator) -> np.ndarray:
        """Codes (count, window, Q) of references for a window, rank order kept; all -1 where there is none."""
        hits = self._hits[pair][min(start // _QUERY_STRIDE, len(self._hits[pair]) - 1)]
        codebooks = self.index.clips[0].codes.shape[1]
        if len(hits) < count:
            return np.full((count, self.window, codebooks), -1)
        chosen = np.sort(random.choice(len(hits), size=count, replace=False))
        return reference_codes(self.index, [hits[number] for number in chosen], self.window)


class ChoreographerRecipe:
    """Trains `models.choreographer.Choreographer`; see `loop.Recipe`."""

    name = "choreographer"

    def __init__(
        self,
        pairs: PairSet,
        tokenizer: Tokenizer,
        retriever: Retriever,
        index: DanceIndex,
        config: ChoreographerRecipeConfig,
        seed: int,
        licences: tuple[str, ...] = (),
    ) -> None:
        self.licences = licences
        # No held-out figure is called "step": the loop then takes every evaluation for an improvement.
        self.key_figure = "loss" if config.keep == "best" else "step"
        network = tokenizer.config.network
        music_dim = pairs.train[0].music.shape[1]
        condition = replace(
            config.model.condition,
            music_dim=music_dim,
            genres=len(genres.NUMBERS),
            reference_dim=network.code_dim if config.references else 0,
        )
        self.model_config = replace(
            config.model,
            condition=condition,
            codebooks=network.codebooks,
            codebook_size=network.codebook_size,
            code_dim=network.code_dim,
        )
        self.pairs, self.config, self.seed = pairs, config, seed
        self.codebook = tokenizer.network.codebooks()
        window = self.model_config.steps
        self.books = {
            split: ReferenceBook(group, retriever, index, config.reference_pool, window)
            for split, group in (("train", pairs.train), ("held_out", pairs.held_out))
        }

    def build(self) -> nn.Module:
        """The choreographer with its loss, on the tokeniser's codebooks."""
        network = Choreographer(self.model_config)
        network.set_codebook(self.codebook)
        return ChoreographerTraining(network)

    def batch(self, step: int, size: int, stream: int) -> dict[str, Tensor]:
        """Windows of codes with their music, genre and references."""
        random = np.random.default_rng((self.seed, 3, step, stream))
        draws = draw_windows(self.pairs.train, size, self.model_config.steps, random)
        return self._collate("train", self.pairs.train, draws, random)

    def _collate(
        self, split: str, pairs: Sequence[Pair], draws: Sequence[Draw], random: np.random.Generator
    ) -> dict[str, Tensor]:
        window, book = self.model_config.steps, self.books[split]
        rows = [(pairs[draw.pair], draw) for draw in draws]
        before = [pair.codes[draw.start - 1] if draw.start else np.full(pair.codes.shape[1], -1) for pair, draw in rows]
        references = [book.draw(d.pair, d.start, max(1, self.config.references), random) for d in draws]
        return {
            "codes": torch.from_numpy(
                np.stack([cut(pair.codes, draw, window) for pair, draw in rows]).astype(np.int64)
            ),
            "previous": torch.from_numpy(np.stack(before).astype(np.int64)),
            "valid": torch.arange(window) < torch.tensor([draw.steps for draw in draws])[:, None],
            "music": torch.from_numpy(
                np.stack([cut(pair.music, draw, window) for pair, draw in rows]).astype(np.float32)
            ),
            "genre": torch.tensor([genres.NUMBERS.get(pair.genre, -1) for pair, _ in rows]),
            "references": torch.from_numpy(np.stack(references)),
        }

    def evaluate(self, module: nn.Module) -> dict[str, float]:
        """Mean losses and accuracy over 192 held-out windows."""
        split = "held_out" if self.pairs.held_out else "train"
        pairs = self.pairs.held_out or self.pairs.train[:1]
        random, device = np.random.default_rng(0), next(module.parameters()).device
        totals: dict[str, float] = {}
        batches = 6
        for _ in range(batches):
            draws = draw_windows(pairs, 32, self.model_config.steps, random)
            batch = {name: rows.to(device) for name, rows in self._collate(split, pairs, draws, random).items()}
            for name, value in module(**batch).items():
                totals[name] = totals.get(name, 0.0) + float(value) / batches
        return totals

    def export(self, module: nn.Module, folder: Path, details: Mapping[str, Any]) -> Path:
        """Write choreographer.safetensors, with the genres and the licences of what it learned from."""
        assert isinstance(module, ChoreographerTraining)
        heard = {"genres": list(self.pairs.genres), "encoder": self.pairs.encoder}
        provenance = {**details, **heard, "licences": list(self.licences)}
        return save_model(folder / "choreographer.safetensors", module.choreographer, provenance=provenance)
