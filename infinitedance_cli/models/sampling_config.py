"""How codes are drawn. Imports no torch, so that a command line can be checked without it."""

from __future__ import annotations

from dataclasses import dataclass

from infinitedance_cli.models.checks import require


@dataclass(frozen=True)
class SamplingConfig:
    """How codes are drawn; the defaults are the paper's.

    temperature 0 takes the likeliest code; top_k 0 keeps all codes; top_p keeps the likeliest codes up to this
    probability, with the one that crosses it. repetition_penalty is subtracted from the logits of first-level codes
    drawn within the last repetition_window steps. A dance that has turned by more than turn_limit whole turns within
    the last turn_window steps finds codes that turn it on ever less likely (0: no limit).
    """

    temperature: float = 0.85
    top_k: int = 30
    top_p: float = 0.8
    repetition_penalty: float = 0.0
    repetition_window: int = 8
    turn_limit: float = 0.0
    turn_window: int = 96

    def __post_init__(self) -> None:
        require(self.temperature >= 0, f"temperature is {self.temperature}; expected 0 or more")
        require(self.top_k >= 0, f"top_k is {self.top_k}; expected 0 (all) or more")
        require(0 < self.top_p <= 1, f"top_p is {self.top_p}; expected a value above 0, up to 1")
        require(self.repetition_penalty >= 0, f"repetition_penalty is {self.repetition_penalty}; expected 0 or more")
        require(self.repetition_window >= 1, f"repetition_window is {self.repetition_window}; expected 1 or more")
        require(self.turn_limit >= 0, f"turn_limit is {self.turn_limit}; expected 0 (none) or more")
        require(self.turn_window >= 1, f"turn_window is {self.turn_window}; expected 1 or more")
