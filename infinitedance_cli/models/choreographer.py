"""ChoreoLLaMA in the paper's form: one position of a causal LLaMA per triplet of codes (InfiniteDance section 3.4).

A position's input is a linear projection of the three quantised vectors of the step before it, and the condition of its
own step: added to it (`conditioning="aligned"`, the default) or as a prefix of the whole window (`"prefix"`). A depth
head reads the three codes off the position's hidden state. `models.choreographer_release` holds the release's form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.backbone import BackboneConfig, build_llama, run_llama
from infinitedance_cli.models.checks import require, require_choice, require_positive, require_share
from infinitedance_cli.models.conditioning import ConditionConfig, ConditionEncoder, Keep
from infinitedance_cli.models.decoder_weights import for_decoding
from infinitedance_cli.models.decoding import DecodeState, LlamaDecoder, LlamaWeights
from infinitedance_cli.models.depth_head import DepthHead
from infinitedance_cli.models.sampling import Sampler

NO_CODE = -1  # a step before the dance began, or one that training hides


@dataclass(frozen=True)
class ChoreographerConfig:
    """The choreographer's shape and the noise of its training.

    steps: triplets per training window, which is also the context of generation.
    history_dropout: share of past steps hidden in training, so that the model has to listen to the music.
    history_noise: share of past codes replaced by random ones in training, so that it recovers from its own mistakes.
    level_weights: weight of each quantiser layer in the loss.
    """

    steps: int = 96
    conditioning: str = "aligned"
    codebooks: int = 3
    codebook_size: int = 512
    code_dim: int = 256
    backbone: BackboneConfig = BackboneConfig()
    condition: ConditionConfig = ConditionConfig()
    dropout: float = 0.1
    history_dropout: float = 0.1
    history_noise: float = 0.05
    label_smoothing: float = 0.0
    level_weights: tuple[float, ...] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        require_positive("choreographer", codebooks=self.codebooks, codebook_size=self.codebook_size)
        require_positive("choreographer", code_dim=self.code_dim)
        require(self.steps >= 2, f"choreographer.steps is {self.steps}; expected 2 or more")
        require_choice("choreographer", "conditioning", self.conditioning, ("aligned", "prefix"))
        require_share("choreographer", dropout=self.dropout, history_dropout=self.history_dropout)
        require_share("choreographer", history_noise=self.history_noise, label_smoothing=self.label_smoothing)
        require(
            len(self.level_weights) == self.codebooks and min(self.level_weights) >= 0 and sum(self.level_weights) > 0,
            f"choreographer.level_weights is {self.level_weights}; expected {self.codebooks} weights, not all 0",
        )


@dataclass(frozen=True)
class ChoreographerOutput:
    """loss: scalar; logits: (B, S, Q, K); level_losses, accuracy: (Q,) over valid steps, detached."""

    loss: Tensor
    logits: Tensor
    level_losses: Tensor
    accuracy: Tensor


@dataclass
class GenerationState:
    """A dance in the making: the decoder, its cache, the head and the code vectors."""

    decoder: LlamaDecoder
    cache: DecodeState
    head: DepthHead
    vectors: Tensor

    @property
    def steps(self) -> int:
        """Positions fed so far."""
        return self.cache.steps

    def follow(self, rows: Tensor) -> None:
        """Go on with the rows (B,) int64 in place of its own, each as often as it is named."""
        rows = rows.to(self.cache.inputs.device)
        self.cache.keys, self.cache.values = self.cache.keys[:, rows], self.cache.values[:, rows]
        self.cache.inputs = self.cache.inputs[rows]


class Choreographer(nn.Module):
    """Predicts dance codes from music, genre and reference dances; codes are embedded by a frozen codebook.

    With `trainable` False, the LLaMA's weights are held without transformers, which starts seconds faster, and passes
    keep no gradient: `load_model(path, Choreographer, trainable=False)`.
    """

    codebook: Tensor

    def __init__(self, config: ChoreographerConfig, trainable: bool = True) -> None:
        super().__init__()
        self.config = config
        hidden = config.backbone.hidden
        self.register_buffer("codebook", torch.zeros(config.codebooks, config.codebook_size, config.code_dim))
        self.dance_proj = nn.Linear(config.codebooks * config.code_dim, hidden)
        self.no_dance = nn.Parameter(torch.randn(hidden) * 0.02)
        self.conditions = ConditionEncoder(config.condition, hidden)
        self.input_dropout = nn.Dropout(config.dropout)
        self.llama = build_llama(config.backbone) if trainable else LlamaWeights(config.backbone)
        self.head = DepthHead(hidden, config.code_dim, config.codebooks, config.codebook_size, config.dropout)

    def set_codebook(self, codebook: Tensor) -> None:
        """Take the tokeniser's codebooks (Q, K, code_dim), `RVQVAE.codebooks()`; they are saved with the model.

        Raises:
            BadInput: they have another shape.
        """
        if codebook.shape != self.codebook.shape:
            raise BadInput(
                f"the tokenizer's codebooks are {tuple(codebook.shape)}; this choreographer expects "
                f"{tuple(self.codebook.shape)}"
            )
        self.codebook.copy_(codebook)

    def condition(
        self, music: Tensor, genre: Tensor, references: Tensor | None = None, keep: Keep | None = None
    ) -> Tensor:
        """Condition (B, S, hidden) of a window; arguments as in `ConditionEncoder.forward`.

        Without `keep`, training leaves conditions out at random and evaluation keeps them all.
        """
        if keep is None:
            batch = len(music)
            keep = Keep.draw(batch, self.config.condition) if self.training else Keep.of(batch)
        encoded: Tensor = self.conditions(music, genre, references, keep)
        return encoded

    def forward(
        self, codes: Tensor, condition: Tensor, previous: Tensor | None = None, valid: Tensor | None = None
    ) -> ChoreographerOutput:
        """Loss and logits of a window.

        Args:
            codes: (B, S, Q) int64, the dance.
            condition: (B, S, hidden) of the same steps.
            previous: codes (B, Q) of the step before the window; -1 or None where the dance begins.
            valid: (B, S) bool, steps that count; None for all.
        """
        vectors = self._vectors()
        first = torch.full_like(codes[:, :1], NO_CODE) if previous is None else previous.unsqueeze(1)
        history = self._disturb(torch.cat([first, codes[:, :-1]], 1))
        hidden = self.hidden_states(history, condition, vectors)
        logits = self.head(hidden, codes, vectors)
        return self._score(logits, codes, valid)

    def hidden_states(self, history: Tensor, condition: Tensor, vectors: Tensor | None = None) -> Tensor:
        """Hidden state (B, S, hidden) of every step, from the codes (B, S, Q) of the step before each."""
        dance = self._embed(history, self._vectors() if vectors is None else vectors)
        if self.config.conditioning == "aligned":
            return run_llama(self.llama, self.input_dropout(dance + condition))
        inputs = self.input_dropout(torch.cat([condition, dance], 1))
        return run_llama(self.llama, inputs)[:, condition.shape[1] :]

    @torch.inference_mode()
    def start(self, batch: int, prefix: Tensor | None = None, keep: int | None = None) -> GenerationState:
        """Begin a dance of `batch` rows (twice the takes when one half is the unconditional branch of guidance).

        Args:
            batch: rows decoded together.
            prefix: condition (B, S, hidden) of the window, with `conditioning="prefix"` only. Such a dance ends with
                its window.
            keep: with `conditioning="aligned"`, steps kept when the window is full; two thirds by default.

        Raises:
            BadInput: a prefix without prefix conditioning, or none with it.
        """
        steps, prefixed = self.config.steps, self.config.conditioning == "prefix"
        if prefixed != (prefix is not None):
            raise BadInput(f"conditioning is {self.config.conditioning}; expected {'a' if prefixed else 'no'} prefix")
        window = steps if prefix is None else steps + prefix.shape[1]
        decoder = LlamaDecoder(self.llama, self.config.backbone, window, keep or max(1, steps * 2 // 3))
        head = cast(DepthHead, for_decoding(self.head))
        state = GenerationState(decoder, decoder.start(batch), head, self._vectors())
        if prefix is not None:
            decoder.extend(state.cache, prefix)
        return state

    def restart(self, state: GenerationState) -> None:
        """Begin a new window with an empty context; `prime` it with the kept part of the dance."""
        state.cache.length = 0

    @torch.inference_mode()
    def step(self, state: GenerationState, previous: Tensor | None, condition: Tensor | None = None) -> Tensor:
        """Hidden state (rows, hidden) of the next step.

        Args:
            state: from `start`; moves on by one step.
            previous: codes (takes, Q) of the step before; None where the dance begins. Fewer rows than the state's
                are repeated, so that both branches of guidance hear the same dance.
            condition: (rows, hidden) of this step; None with prefix conditioning.
        """
        rows = len(state.cache.inputs)
        if previous is None:
            previous = torch.full((rows, self.config.codebooks), NO_CODE, device=self.codebook.device)
        given = None if condition is None else condition.unsqueeze(1)
        return self.prime(state, previous.unsqueeze(1), given)[:, -1]

    @torch.inference_mode()
    def prime(self, state: GenerationState, history: Tensor, condition: Tensor | None = None) -> Tensor:
        """Feed n steps at once: history (takes, n, Q), the codes before each, and their conditions (rows, n, hidden).

        Returns the hidden states (rows, n, hidden). Used to continue a dance from a kept part.
        """
        rows = len(state.cache.inputs)
        embedded = self._embed(history, state.vectors)
        embedded = embedded.repeat(rows // len(embedded), 1, 1)
        if self.config.conditioning == "prefix":
            if state.cache.length + embedded.shape[1] > state.decoder.window:
                raise BadInput("the window of this dance is full; start the next one with its own prefix")
        elif condition is None:
            raise BadInput("no condition for this step; aligned conditioning needs one at every step")
        else:
            embedded = embedded + condition
        return state.decoder.extend(state.cache, embedded)

    @torch.inference_mode()
    def sample_codes(self, state: GenerationState, hidden: Tensor, sampler: Sampler, guidance: float = 1.0) -> Tensor:
        """Draw the codes (takes, Q) of a step from its hidden state.

        With `guidance` other than 1, hidden is [conditional | unconditional] stacked along the rows, and logits are
        unconditional + guidance · (conditional - unconditional).
        """
        guided = guidance != 1.0
        require(not guided or len(hidden) % 2 == 0, f"{len(hidden)} rows; guidance expects two branches of equal size")
        takes = len(hidden) // 2 if guided else len(hidden)
        codes = torch.empty(takes, 0, dtype=torch.long, device=hidden.device)
        for level in range(self.config.codebooks):
            known = codes.repeat(2, 1) if guided else codes
            logits = state.head.level_logits(hidden, known, state.vectors, level)
            if guided:
                conditional, unconditional = logits.chunk(2)
                logits = unconditional + guidance * (conditional - unconditional)
            codes = torch.cat([codes, sampler.draw(logits, level).unsqueeze(1)], 1)
        return codes

    def _vectors(self) -> Tensor:
        """Codebooks with unit root mean square per layer: later layers are far smaller than the first."""
        scale = self.codebook.square().mean((1, 2), keepdim=True).sqrt()
        return self.codebook / scale.clamp(min=1e-8)

    def _embed(self, codes: Tensor, vectors: Tensor) -> Tensor:
        """Dance embedding (B, S, hidden) of codes (B, S, Q); a step without codes has its own vector."""
        known = codes.clamp(min=0)
        parts = [functional.embedding(known[..., level], vectors[level]) for level in range(len(vectors))]
        missing = (codes[..., :1] < 0).any(-1, keepdim=True)
        return torch.where(missing, self.no_dance, self.dance_proj(torch.cat(parts, -1)))

    def _disturb(self, history: Tensor) -> Tensor:
        """In training, replace some past codes by random ones and hide some past steps."""
        if not self.training:
            return history
        noise = torch.rand(history.shape, device=history.device) < self.config.history_noise
        random = torch.randint_like(history, self.config.codebook_size)
        history = torch.where(noise & (history >= 0), random, history)
        hidden = torch.rand(history.shape[:2], device=history.device) < self.config.history_dropout
        return history.masked_fill(hidden.unsqueeze(-1), NO_CODE)

    def _score(self, logits: Tensor, codes: Tensor, valid: Tensor | None) -> ChoreographerOutput:
        targets = codes if valid is None else codes.masked_fill(~valid.unsqueeze(-1), -100)
        losses = torch.stack(
            [
                functional.cross_entropy(
                    logits[..., level, :].flatten(0, 1).float(),
                    targets[..., level].flatten(),
                    label_smoothing=self.config.label_smoothing if self.training else 0.0,
                )
                for level in range(self.config.codebooks)
            ]
        )
        weights = losses.new_tensor(self.config.level_weights)
        counted = targets >= 0
        right = (logits.argmax(-1) == targets) & counted
        return ChoreographerOutput(
            loss=(losses * weights).sum() / weights.sum(),
            logits=logits,
            level_losses=losses.detach(),
            accuracy=right.sum((0, 1)) / counted.sum((0, 1)).clamp(min=1),
        )
