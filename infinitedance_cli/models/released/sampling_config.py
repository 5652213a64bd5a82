"""How the published model's codes are drawn. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from infinitedance_cli.models.checks import require, require_positive


@dataclass(frozen=True)
class ReleasedSampling:
    """How codes are drawn. The defaults are the paper's numbers with the rules that the release's script sets.

    - temperature 0 takes the likeliest code; top_k 0 keeps all; top_p keeps codes until their sum exceeds it
    - boost: factor on the temperature of the first layer when its last six codes have two values or fewer (1: off)
    - penalty: divides positive and multiplies negative logits of the last thirty codes' values (1: off)
    - most_repeats, most_repeats_residual: a value seen so often among the last (so many + 5) codes of the first layer,
      of the others, is not drawn (0: off)
    - ngram: no run of so many first-layer codes twice in a window (0: off)
    """

    temperature: float = 0.85
    top_k: int = 30
    top_p: float = 0.8
    boost: float = 1.8
    penalty: float = 1.2
    most_repeats: int = 8
    most_repeats_residual: int = 16
    ngram: int = 5

    def __post_init__(self) -> None:
        require(self.temperature >= 0, f"temperature is {self.temperature}; expected 0 or more")
        require(0 < self.top_p <= 1, f"top_p is {self.top_p}; expected above 0, at most 1")
        require_positive("released.sampling", boost=self.boost, penalty=self.penalty)
        for name in ("top_k", "most_repeats", "most_repeats_residual", "ngram"):
            require(getattr(self, name) >= 0, f"{name} is {getattr(self, name)}; expected 0 or more")

    @classmethod
    def release(cls) -> ReleasedSampling:
        """What the release's own script runs with."""
        return cls(temperature=0.8, top_k=15, top_p=0.95)
