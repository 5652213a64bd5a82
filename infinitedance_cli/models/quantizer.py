"""Residual vector quantiser with codebooks learned by an exponential moving average.

Each layer quantises what the layers before it left over; the sum of the chosen vectors stands for the input.
Follows the residual quantiser of MoMask (Guo et al., 2024), which InfiniteDance (section 3.3) builds on, with three
things mended:

* The moving averages are buffers, so that training continues after a kill with the codebook that it had. They are not
  persistent, so that `state_dict` holds exactly the released names; `models.checkpoint.full_state` saves them too.
* Dead codes become *random* rows of the batch, and then keep that place for a while, rather than the first rows anew
  at every step.
* The straight-through gradient of the sum is one, not one per layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional

from infinitedance_cli.models.checks import require_positive, require_share


@dataclass(frozen=True)
class QuantizerConfig:
    """Residual quantiser: `layers` codebooks of `codebook_size` vectors with `code_dim` channels.

    `sample_temperature` scales the Gumbel noise on the negative distance in training (0: always the nearest code).
    `dropout` is the chance that a training batch uses only the first layers. A code is dead once its moving count
    falls below `dead_code_share` of even usage (0.125 is the release's count of 1 at its batch of 4,096 vectors).
    """

    layers: int = 3
    codebook_size: int = 512
    code_dim: int = 256
    decay: float = 0.99
    sample_temperature: float = 0.5
    dropout: float = 0.2
    dead_code_share: float = 0.125
    kmeans_iterations: int = 10

    def __post_init__(self) -> None:
        require_positive("quantizer", layers=self.layers, codebook_size=self.codebook_size, code_dim=self.code_dim)
        require_share("quantizer", decay=self.decay, dropout=self.dropout, dead_code_share=self.dead_code_share)
        require_positive("quantizer", sample_temperature=self.sample_temperature + 1e-9)


@dataclass(frozen=True)
class QuantizerOutput:
    """What quantising a batch gave.

    quantised: (B, S, code_dim), sum of the chosen vectors, with a straight-through gradient.
    codes: (B, S, Q) int64; layers dropped in this batch hold -1.
    commit_loss: scalar, mean over layers of the squared distance between a residual and its code.
    perplexity: (Q,), effective number of codes used in this batch; 0 for dropped layers.
    """

    quantised: Tensor
    codes: Tensor
    commit_loss: Tensor
    perplexity: Tensor


class Codebook(nn.Module):
    """One layer: `codebook` (K, C) and the moving averages that it is the quotient of."""

    codebook: Tensor
    code_sum: Tensor
    code_count: Tensor
    initialised: Tensor

    def __init__(self, config: QuantizerConfig) -> None:
        super().__init__()
        self.config = config
        size, channels = config.codebook_size, config.code_dim
        self.register_buffer("codebook", torch.zeros(size, channels))
        self.register_buffer("code_sum", torch.zeros(size, channels), persistent=False)
        self.register_buffer("code_count", torch.zeros(size), persistent=False)
        self.register_buffer("initialised", torch.zeros((), dtype=torch.bool), persistent=False)

    def adopt(self) -> None:
        """Take the codebook as it stands: it survives the first training batch, its counts start as even usage."""
        if not self.initialised.is_meta:
            self.initialised.fill_(True)
            self.code_count.zero_()

    def scores(self, rows: Tensor) -> Tensor:
        """Negative squared distances (N, K) from rows (N, C), up to a constant per row."""
        return torch.addmm(-self.codebook.square().sum(1), rows, self.codebook.t(), alpha=2.0)

    def nearest(self, rows: Tensor) -> Tensor:
        """Index (N,) of the nearest code to each row (N, C)."""
        return self.scores(rows).argmax(1)

    @torch.no_grad()
    def choose(self, rows: Tensor, temperature: float) -> Tensor:
        """Training choice (N,): nearest code under Gumbel noise of this temperature."""
        scores = self.scores(rows)
        if temperature > 0:
            scores = scores.div_(temperature) - torch.empty_like(scores).exponential_().log_()
        return scores.argmax(1)

    @torch.no_grad()
    def initialise(self, rows: Tensor, passes: int = 1) -> None:
        """Start from random rows of the first `passes` batches, moved to cluster centres by Lloyd's iterations."""
        size, known = self.config.codebook_size, len(rows) * _processes()[1]
        if known < size:
            times = -(-size // known)
            rows, passes = rows.repeat(times, 1), passes * times
            rows = rows + torch.randn_like(rows) * (0.01 / self.config.code_dim**0.5)
        self.codebook.copy_(_random_rows(rows, size, passes))
        for _ in range(self.config.kmeans_iterations):
            count, total = self._batch_totals(rows, self.nearest(rows))
            used = (count > 0).unsqueeze(1)
            self.codebook.copy_(torch.where(used, total / count.clamp(min=1).unsqueeze(1), self.codebook))
        self.code_count.zero_()
        self.initialised.fill_(True)

    @torch.no_grad()
    def update(self, rows: Tensor, codes: Tensor) -> Tensor:
        """One EMA step from rows (N, C) and their codes (N,): sums and counts decay, codes become their quotient.

        Returns how often each code was chosen (K,), over all processes.
        """
        decay = self.config.decay
        count, total = self._batch_totals(rows, codes)
        even = count.sum() / self.config.codebook_size
        fresh = self.code_count.sum() == 0
        self.code_count.copy_(torch.where(fresh, even, self.code_count))
        self.code_sum.copy_(torch.where(fresh, self.codebook * even, self.code_sum))
        self.code_count.mul_(decay).add_(count, alpha=1 - decay)
        self.code_sum.mul_(decay).add_(total, alpha=1 - decay)
        self._revive(rows, even)
        self.codebook.copy_(self.code_sum / self.code_count.unsqueeze(1))
        return count

    def _revive(self, rows: Tensor, even: Tensor) -> None:
        """Move dead codes to random rows of the batch, with the weight of an evenly used code."""
        dead = self.code_count < torch.clamp(self.config.dead_code_share * even, min=1e-6)
        replacement = _random_rows(rows, len(dead))
        self.code_count.copy_(torch.where(dead, even, self.code_count))
        self.code_sum.copy_(torch.where(dead.unsqueeze(1), replacement * even, self.code_sum))

    def _batch_totals(self, rows: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Counts (K,) and sums (K, C) of the rows of each code, over all processes."""
        total = torch.zeros_like(self.codebook).index_add_(0, codes, rows.to(self.codebook.dtype))
        count = torch.bincount(codes, minlength=len(self.codebook)).to(total.dtype)
        if _processes()[1] > 1:
            dist.all_reduce(total)
            dist.all_reduce(count)
        return count, total


class ResidualQuantizer(nn.Module):
    """Stack of codebooks; `layers.{i}.codebook` are its only persistent tensors."""

    def __init__(self, config: QuantizerConfig) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(Codebook(config) for _ in range(config.layers))
        self.register_load_state_dict_post_hook(lambda module, _missing: module._adopt_codebooks())

    def codebooks(self) -> Tensor:
        """All codebooks, (Q, K, C)."""
        return torch.stack([layer.codebook for layer in self._books()])

    def forward(self, latent: Tensor) -> QuantizerOutput:
        """Quantise (B, S, C); in training with noise, dropout and an EMA step, otherwise to the nearest codes."""
        with torch.autocast(latent.device.type, enabled=False):  # distances in half precision pick wrong codes
            return self._forward(latent.float())

    def _forward(self, latent: Tensor) -> QuantizerOutput:
        batch, steps, channels = latent.shape
        residual = latent.reshape(-1, channels)
        kept = self._kept_layers()
        losses, codes, perplexities = [], [], []
        for layer in self._books()[:kept]:
            vectors, chosen, count = self._quantise_layer(layer, residual)
            losses.append(functional.mse_loss(residual, vectors))
            codes.append(chosen)
            perplexities.append(_perplexity(count))
            residual = residual - vectors
        dropped = self.config.layers - kept
        codes += [torch.full_like(codes[0], -1)] * dropped
        perplexities += [torch.zeros_like(perplexities[0])] * dropped
        quantised = (latent.reshape(-1, channels) - residual).detach().view_as(latent)
        return QuantizerOutput(
            quantised=straight_through(latent, quantised),
            codes=torch.stack(codes, 1).view(batch, steps, -1),
            commit_loss=torch.stack(losses).mean(),
            perplexity=torch.stack(perplexities),
        )

    @torch.no_grad()
    def encode(self, latent: Tensor) -> Tensor:
        """Codes (B, S, Q) of latent (B, S, C): layer by layer the nearest to what is left."""
        residual, codes = latent.reshape(-1, latent.shape[-1]), []
        for layer in self._books():
            codes.append(layer.nearest(residual))
            residual = residual - functional.embedding(codes[-1], layer.codebook)
        return torch.stack(codes, 1).view(*latent.shape[:-1], -1)

    @torch.no_grad()
    def initialise(self, latent: Tensor, passes: int = 1) -> None:
        """Set every layer's codebook by clustering what the layers before it leave of latents (N, C) of `passes`
        batches of equal size, one after the other."""
        residual = latent
        for layer in self._books():
            layer.initialise(residual, passes)
            residual = residual - functional.embedding(layer.nearest(residual), layer.codebook)

    def embed(self, codes: Tensor) -> Tensor:
        """Sum of the code vectors, (B, S, C), of codes (B, S, Q); a layer whose code is negative adds nothing."""
        total = torch.zeros(*codes.shape[:-1], self.config.code_dim, device=codes.device, dtype=self.codebooks().dtype)
        for index, layer in enumerate(self._books()):
            chosen = codes[..., index]
            total = total + functional.embedding(chosen.clamp(min=0), layer.codebook) * (chosen >= 0).unsqueeze(-1)
        return total

    def _adopt_codebooks(self) -> None:
        for layer in self._books():
            layer.adopt()

    def _books(self) -> list[Codebook]:
        return [layer for layer in self.layers if isinstance(layer, Codebook)]

    def _kept_layers(self) -> int:
        """How many layers this batch uses: all, or in training 1..Q drawn evenly with the dropout's chance."""
        if not self.training:
            return self.config.layers
        kept = self.config.layers
        if float(torch.rand(())) < self.config.dropout:
            kept = int(torch.randint(1, self.config.layers + 1, ()))
        return int(_from_first_process(torch.tensor(kept, device=self.codebooks().device)))

    def _quantise_layer(self, layer: Codebook, residual: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Vectors, codes and how often each code was chosen."""
        rows = residual.detach()
        if not self.training:
            codes = layer.nearest(rows)
            return (
                functional.embedding(codes, layer.codebook),
                codes,
                torch.bincount(codes, minlength=len(layer.codebook)),
            )
        if not bool(layer.initialised):
            layer.initialise(rows)
        codes = layer.choose(rows, self.config.sample_temperature)
        vectors = functional.embedding(codes, layer.codebook).clone()
        return vectors, codes, layer.update(rows, codes)


def straight_through(latent: Tensor, quantised: Tensor) -> Tensor:
    """The value of `quantised` with the gradient of `latent`."""
    return latent + (quantised - latent).detach()


def _perplexity(count: Tensor) -> Tensor:
    """exp of the entropy of how often each code was chosen (K,): the effective number of codes in use."""
    share = count.float() / count.sum()
    return torch.exp(-(share * (share + 1e-10).log()).sum())


def _random_rows(rows: Tensor, count: int, passes: int = 1) -> Tensor:
    """`count` random rows of all processes' (N, C), without repetition while there are enough; the same everywhere.

    They are those that one process would choose from the whole batches, of which `passes` lie one after the other.
    """
    own, processes = _processes()
    total = len(rows) * processes
    if total >= count:
        index = torch.randperm(total, device=rows.device)[:count]
    else:
        index = torch.randint(total, (count,), device=rows.device)
    if processes == 1:
        return rows[index]
    index, share = _from_first_process(index), len(rows) // passes
    batch, within = index // (share * processes), index % (share * processes)
    found = torch.where((within // share == own).unsqueeze(1), rows[batch * share + within % share], 0.0)
    dist.all_reduce(found)
    return found


def _processes() -> tuple[int, int]:
    """This process's number, and how many train together."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def _from_first_process(tensor: Tensor) -> Tensor:
    """The first process's value everywhere, so that the codebooks of several GPUs stay the same."""
    if _processes()[1] > 1:
        tensor = tensor.contiguous()
        dist.broadcast(tensor, 0)
    return tensor
