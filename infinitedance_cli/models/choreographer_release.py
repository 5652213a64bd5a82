"""ChoreoLLaMA in the released form: one position of a causal LLaMA per code, after a prefix of 320 music positions.

Tensor for tensor the released network, so that its weights can be loaded. Each code's own vector is one position
("dance bridge"); the Cadence-MoE without a gate turns music, style and the reference into the prefix ("music bridge").
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.backbone import BackboneConfig, build_causal_lm
from infinitedance_cli.models.cadence_moe import MoEConfig, ReleasedCadenceMoE
from infinitedance_cli.models.checks import require, require_positive
from infinitedance_cli.models.decoding import CausalLlamaWeights

STYLES = ("Ballet", "Popular", "Latin", "Modern", "Folk", "Classic")
"""The release's six classes, in the order of its style embedding."""


@dataclass(frozen=True)
class ReleasedChoreographerConfig:
    """Sizes of the released network, which are the defaults; `backbone` and widths shrink in tests.

    code_offset: vocabulary id of the first code of the first layer; layer q begins at code_offset + q · codebook_size.
    style_weight: weight of the style classifier's loss.
    """

    backbone: BackboneConfig = BackboneConfig.llama_3_2_1b()
    moe: MoEConfig = MoEConfig(bands=2, attention_residual=False)
    music_dim: int = 1024
    music_length: int = 320
    reference_dim: int = 264
    reference_length: int = 384
    styles: int = len(STYLES)
    style_dim: int = 64
    codebooks: int = 3
    codebook_size: int = 512
    code_dim: int = 1024
    vocabulary: int = 5888
    code_offset: int = 4096
    steps: int = 96
    style_weight: float = 0.15

    def __post_init__(self) -> None:
        require_positive("choreographer", music_dim=self.music_dim, music_length=self.music_length, steps=self.steps)
        require_positive("choreographer", codebooks=self.codebooks, codebook_size=self.codebook_size)
        last = self.code_offset + self.codebooks * self.codebook_size
        require(
            0 <= self.code_offset and last <= self.vocabulary,
            f"choreographer.vocabulary is {self.vocabulary}; expected at least {last}, room for all codes",
        )


class DanceBridge(nn.Module):
    """A code's vector (…, code_dim) → an embedding (…, hidden)."""

    def __init__(self, code_dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(code_dim, hidden)
        self.fc2 = nn.Linear(hidden, hidden)

    def forward(self, vectors: Tensor) -> Tensor:
        """Linear, exact GELU, linear."""
        embedded: Tensor = self.fc2(functional.gelu(self.fc1(vectors)))
        return embedded


class ReleasedChoreographer(nn.Module):
    """Predicts codes one at a time: first, second, third layer of a step, then the next step.

    The codebooks are not part of the released weights: give them with `set_codebook`. With `trainable` False the
    LLaMA's weights are held without transformers, as `models.released.drawer` reads them.
    """

    codebook: Tensor

    def __init__(self, config: ReleasedChoreographerConfig, trainable: bool = True) -> None:
        super().__init__()
        self.config = config
        hidden = config.backbone.hidden
        build = build_causal_lm if trainable else CausalLlamaWeights
        self.llama = build(config.backbone, config.vocabulary)
        self.music_bridge = ReleasedCadenceMoE(
            config.music_dim + config.style_dim + config.reference_dim, config.reference_dim, hidden, config.moe
        )
        self.dance_bridge = DanceBridge(config.code_dim, hidden)
        self.style_embedding = nn.Embedding(config.styles, config.style_dim)
        self.cond_projection = nn.Linear(config.reference_length, config.music_length)  # over time
        self.style_classifier = nn.Linear(hidden, config.styles)
        shape = (config.codebooks, config.codebook_size, config.code_dim)
        self.register_buffer("codebook", torch.zeros(shape), persistent=False)

    def set_codebook(self, codebook: Tensor) -> None:
        """Take the tokeniser's codebooks (Q, K, code_dim).

        Raises:
            BadInput: they have another shape.
        """
        if codebook.shape != self.codebook.shape:
            raise BadInput(f"the codebooks are {tuple(codebook.shape)}; expected {tuple(self.codebook.shape)}")
        self.codebook.copy_(codebook)

    def condition(self, music: Tensor, style: Tensor, reference: Tensor) -> Tensor:
        """Prefix (B, music_length, hidden).

        Args:
            music: (B, music_length, music_dim).
            style: (B,) int64, index into `STYLES`.
            reference: z-scored weighted sum of the retrieved dances, (B, reference_length, reference_dim).

        Raises:
            BadInput: a condition has another length or dimension; the network's lengths are fixed.
        """
        config = self.config
        for name, tensor, length, channels in (
            ("music", music, config.music_length, config.music_dim),
            ("reference", reference, config.reference_length, config.reference_dim),
        ):
            if tensor.shape[1:] != (length, channels):
                raise BadInput(f"{name} has shape {tuple(tensor.shape)}; expected (batch, {length}, {channels})")
        placed = self.cond_projection(reference.transpose(1, 2)).transpose(1, 2)
        styled = self.style_embedding(style).unsqueeze(1).expand(-1, config.music_length, -1)
        prefix: Tensor = self.music_bridge(torch.cat([music, styled, placed], -1))
        return prefix

    def forward(
        self, codes: Tensor, prefix: Tensor, style: Tensor | None = None, valid: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Loss (scalar) and logits (B, S, Q, vocabulary) of codes (B, S, Q) after a prefix.

        With `style` (B,), the style classifier's loss on the mean input embedding is added. `valid` (B, S) are the
        steps that count; all by default.
        """
        config = self.config
        inputs = torch.cat([prefix, self._embed(codes)], 1)
        hidden = self.llama.model(inputs_embeds=inputs, use_cache=False).last_hidden_state
        # The last prefix position predicts the first code, each code's position the next code.
        logits = self.llama.lm_head(hidden[:, prefix.shape[1] - 1 : -1])
        targets = self._ids(codes)
        if valid is not None:
            targets = targets.masked_fill(~valid.repeat_interleave(config.codebooks, 1), -100)
        loss = functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())
        if style is not None:
            guessed = self.style_classifier(inputs.mean(1))
            missed = functional.cross_entropy(guessed.float(), style, reduction="none")
            counted = torch.ones_like(missed) if valid is None else valid.sum(1).to(missed.dtype)
            loss = loss + config.style_weight * (missed * counted).sum() / counted.sum()
        return loss, logits.unflatten(1, (-1, config.codebooks))

    def _embed(self, codes: Tensor) -> Tensor:
        """Embeddings (B, S · Q, hidden), every code by its own vector."""
        vectors = [functional.embedding(codes[..., level], self.codebook[level]) for level in range(codes.shape[-1])]
        embedded: Tensor = self.dance_bridge(torch.stack(vectors, 2).flatten(1, 2))
        return embedded

    def _ids(self, codes: Tensor) -> Tensor:
        """Vocabulary ids (B, S · Q)."""
        layers = torch.arange(self.config.codebooks, device=codes.device)
        return (codes + self.config.code_offset + layers * self.config.codebook_size).flatten(1)
