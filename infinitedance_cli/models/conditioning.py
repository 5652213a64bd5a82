"""What the choreographer is told: music, genre and retrieved reference dances, through the Cadence-MoE.

Music is projected linearly, the genre is a learned embedding, every reference is projected linearly and the projections
are added with weights that fall with their rank (InfiniteDance section 3.4). Each of the three can be left out, in
training at random and in sampling for classifier-free guidance; a learned vector then stands in its place.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.cadence_moe import CadenceMoE, MoEConfig
from infinitedance_cli.models.checks import require, require_positive, require_share


@dataclass(frozen=True)
class ConditionConfig:
    """Sizes of the conditions and how often training leaves each of them out.

    music_before, music_after: steps around a step that its music projection sees; 0 and 0 is the paper's.
    reference_dim: channels of a reference per step; 0 for a model without references.
    residual: add a linear projection of the conditions to the Cadence-MoE's output, which the paper does not; it keeps
        the timing of beats, which the bands spread over the window.
    drop_*: probability of leaving the condition out of a training window; drop_all leaves out all three.
    """

    music_dim: int = 64
    music_before: int = 1
    music_after: int = 3
    genres: int = 30
    genre_dim: int = 256
    reference_dim: int = 256
    moe: MoEConfig = MoEConfig()
    residual: bool = True
    drop_music: float = 0.1
    drop_genre: float = 0.1
    drop_references: float = 0.2
    drop_all: float = 0.1

    def __post_init__(self) -> None:
        require_positive("condition", music_dim=self.music_dim, genres=self.genres, genre_dim=self.genre_dim)
        require_share("condition", drop_music=self.drop_music, drop_genre=self.drop_genre, drop_all=self.drop_all)
        require_share("condition", drop_references=self.drop_references)
        for name in ("music_before", "music_after", "reference_dim"):
            require(getattr(self, name) >= 0, f"condition.{name} is {getattr(self, name)}; expected 0 or more")


@dataclass(frozen=True)
class Keep:
    """Which conditions of a batch are given, three (B,) masks; what is False is replaced by its null embedding."""

    music: Tensor
    genre: Tensor
    references: Tensor

    @classmethod
    def of(cls, batch: int, *, music: bool = True, genre: bool = True, references: bool = True) -> Keep:
        """The same choice for every row."""
        return cls(*(torch.full((batch,), flag, dtype=torch.bool) for flag in (music, genre, references)))

    @classmethod
    def draw(cls, batch: int, config: ConditionConfig) -> Keep:
        """Random choices of a training batch, from torch's global CPU generator."""
        every = torch.rand(batch) >= config.drop_all
        shares = (config.drop_music, config.drop_genre, config.drop_references)
        return cls(*(every & (torch.rand(batch) >= share) for share in shares))


class ConditionEncoder(nn.Module):
    """Music, genre and references of a window → one condition vector per step, (B, S, hidden)."""

    def __init__(self, config: ConditionConfig, hidden: int) -> None:
        super().__init__()
        self.config = config
        span = config.music_before + 1 + config.music_after
        self.music_proj = nn.Linear(config.music_dim * span, hidden)
        self.music_null = nn.Parameter(torch.randn(hidden) * 0.02)
        self.genre_embedding = nn.Embedding(config.genres + 1, config.genre_dim)  # the last row is "no genre"
        self.reference_proj = nn.Linear(config.reference_dim, hidden) if config.reference_dim else None
        self.reference_null = nn.Parameter(torch.randn(hidden) * 0.02) if config.reference_dim else None
        fused = hidden + config.genre_dim + (hidden if config.reference_dim else 0)
        self.moe = CadenceMoE(fused, hidden, config.moe)
        self.skip = nn.Linear(fused, hidden) if config.residual else None

    def forward(self, music: Tensor, genre: Tensor, references: Tensor | None, keep: Keep) -> Tensor:
        """Condition (B, S, hidden).

        Args:
            music: features per step, (B, S, music_dim).
            genre: (B,) int64, 0 … genres - 1, or -1 where it is not known.
            references: retrieved dances per step, best first, (B, K, S, reference_dim), or None.
            keep: which conditions are given.

        Raises:
            BadInput: a condition has another shape than the configuration says.
        """
        self._check(music, references)
        steps, least = music.shape[1], 2 * self.config.moe.bands
        if steps < least:  # too few frequencies for the bands: the last step goes on for a while
            references = None if references is None else _prolong(references, 2, least)
            return self.forward(_prolong(music, 1, least), genre, references, keep)[:, :steps]
        parts = [
            torch.where(_rows(keep.music, music), self.music_proj(self._around(music)), self.music_null),
            self._genre(genre, keep).unsqueeze(1).expand(-1, steps, -1),
        ]
        if self.reference_proj is not None and self.reference_null is not None:
            parts.append(self._references(references, keep, music))
        fused = torch.cat(parts, -1)
        mixed: Tensor = self.moe(fused)
        return mixed if self.skip is None else mixed + self.skip(fused)

    def _check(self, music: Tensor, references: Tensor | None) -> None:
        config = self.config
        if music.ndim != 3 or music.shape[-1] != config.music_dim:
            raise BadInput(f"music has shape {tuple(music.shape)}; expected (batch, steps, {config.music_dim})")
        if references is None or not config.reference_dim:
            return
        batch, steps, _ = music.shape
        found = tuple(references.shape)
        if references.ndim != 4 or (found[0], *found[2:]) != (batch, steps, config.reference_dim) or not found[1]:
            raise BadInput(
                f"references have shape {found}; expected ({batch}, count, {steps}, {config.reference_dim}), count > 0"
            )

    def _around(self, music: Tensor) -> Tensor:
        """Music of every step beside that of the steps around it, (B, S, span · music_dim); edges are repeated."""
        before, after = self.config.music_before, self.config.music_after
        padded = functional.pad(music.transpose(1, 2), (before, after), mode="replicate")
        return padded.unfold(2, before + 1 + after, 1).permute(0, 2, 3, 1).flatten(2)

    def _genre(self, genre: Tensor, keep: Keep) -> Tensor:
        given = keep.genre.to(genre.device) & (genre >= 0)
        embedded: Tensor = self.genre_embedding(torch.where(given, genre, self.config.genres))
        return embedded

    def _references(self, references: Tensor | None, keep: Keep, music: Tensor) -> Tensor:
        assert self.reference_proj is not None and self.reference_null is not None
        if references is None:
            return self.reference_null.expand(*music.shape[:2], -1)
        weights = rank_weights(references.shape[1]).to(references)
        # The projection is shared and the weights sum to one, so projecting the weighted sum is projecting each.
        projected = self.reference_proj(torch.einsum("k,bksd->bsd", weights, references))
        return torch.where(_rows(keep.references, music), projected, self.reference_null)


def rank_weights(count: int) -> Tensor:
    """Weights (count,) of references by rank, best first: count, count - 1, …, 1 over their sum."""
    ranks = torch.arange(count, 0, -1, dtype=torch.float32)
    return ranks / ranks.sum()


def _prolong(tensor: Tensor, axis: int, length: int) -> Tensor:
    """Repeat the last entry along `axis` up to `length`."""
    last = tensor.narrow(axis, tensor.shape[axis] - 1, 1)
    return torch.cat([tensor] + [last] * (length - tensor.shape[axis]), axis)


def _rows(mask: Tensor, like: Tensor) -> Tensor:
    """A (B,) mask as (B, 1, 1) on the device of `like`."""
    return mask.to(like.device).view(-1, 1, 1)
