"""Settings of the published InfiniteDance model: its own behaviour, or without its defects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from infinitedance_cli.errors import ConfigError
from infinitedance_cli.models.released.sampling_config import ReleasedSampling

MENDS = (
    "whole_song",
    "seamless",
    "free_opening",
    "steady_index",
    "free_style",
    "hear_in_windows",
    "finish",
)
"""Switches of `ReleasedConfig`, each of which mends one thing of the release."""
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class ReleasedConfig:
    """How the published model dances. Each mend of the release is one switch; `release()` has all of them off.

    - whole_song: dance to the last frame of the song (the release drops what does not fill a window)
    - seamless: windows continue from all that they share, `kept` steps (the release's jump every 8.5 s)
    - free_opening: begin freely (the release copies the first 2.7 s of a training dance)
    - steady_index: retrieve for the music that is danced to (the release looks at half the time)
    - free_style: dance the genre asked for, else what retrieval hears in the song (the release: what the file's name
      says, else the genre asked for, else popular)
    - hear_in_windows: MuQ hears four minutes at a time of a long song (the release: all at once, as librosa loads it)
    - finish: plant the feet and move the timing onto the beat, as for the starter (the release does neither)

    `references` retrieved dances are blended; `sampling` are the rules for drawing codes. `precision` is float32,
    bfloat16 or auto: float32 on a CPU, bfloat16 elsewhere. `batch_size` dances are drawn side by side, or as many as
    fit ("auto"); `compiled` lets torch.compile fuse a step, which takes a minute before the first dance.
    """

    whole_song: bool = True
    seamless: bool = True
    free_opening: bool = True
    steady_index: bool = True
    free_style: bool = True
    hear_in_windows: bool = True
    finish: bool = True
    kept: int = 32
    references: int = 10
    precision: str = "auto"
    batch_size: int | Literal["auto"] = "auto"
    compiled: bool = False
    sampling: ReleasedSampling = field(default_factory=ReleasedSampling)

    def __post_init__(self) -> None:
        if not 0 < self.kept < 96:
            raise ConfigError(f"released.kept is {self.kept}; expected 1 to 95 steps")
        if self.references < 1:
            raise ConfigError(f"released.references is {self.references}; expected 1 or more")
        if self.precision not in PRECISIONS:
            raise ConfigError(f"released.precision is {self.precision!r}; expected one of {', '.join(PRECISIONS)}")
        if self.batch_size != "auto" and self.batch_size < 1:
            raise ConfigError(f"released.batch_size is {self.batch_size}; expected 1 or more, or auto")

    @classmethod
    def release(cls) -> ReleasedConfig:
        """The behaviour of the authors' scripts, quirks included."""
        off = dict.fromkeys(MENDS, False)
        return cls(**off, precision="float32", sampling=ReleasedSampling.release())
