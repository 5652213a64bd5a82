"""Generate dances for a song (InfiniteDance section 3.4)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from infinitedance_cli.log import Advance, progress_bar
from infinitedance_cli.models.bundle import Bundle
from infinitedance_cli.models.bundle_files import is_released
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.music.sources import AudioSource
from infinitedance_cli.stages.generate.brief import Brief, make_brief
from infinitedance_cli.stages.generate.conditions import Conditions
from infinitedance_cli.stages.generate.config import GenerateConfig
from infinitedance_cli.stages.generate.drawing import draw_codes
from infinitedance_cli.stages.generate.finish import decode_codes, finish
from infinitedance_cli.stages.generate.model_folder import model_folder

_SMALL_WIDTH = 1024
"""Below this width of the choreographer a second thread costs more than it brings."""


def generate(source: AudioSource, config: GenerateConfig, bundle: Bundle | None = None) -> Iterator[MotionClip]:
    """Dances for a song, one per take, each as long as the song to within a frame.

    Takes are danced one after the other: take k with seed s is the same dance as take 0 with seed s + k, and memory
    does not grow with their number. A `bundle` of the model that is given stays loaded from song to song.

    Raises:
        BadInput: the song cannot be read or holds no sound; parts of the model do not belong together.
        UsageError: the genre or the device is unknown.
        MissingResource: the model, its music encoder or the device is not there.
    """
    folder = model_folder(config.model)
    if is_released(folder):
        from infinitedance_cli.stages.generate.released import ReleasedDancer

        for danced in ReleasedDancer(folder, config).dance([source], once=True):
            if not isinstance(danced, list):
                raise danced
            yield from danced
        return
    brief = make_brief(source, config, bundle)
    spare_threads(brief.bundle)
    brief.bundle.choreographer.to(brief.device)
    conditions = Conditions(brief)
    with progress_bar("dancing", brief.frames * config.takes) as advance:
        for take in range(config.takes):
            codes = choreograph(brief, conditions, take, advance)
            clip = decode_codes(brief.bundle.tokenizer, codes, brief.frames, brief.clip_id(take))
            clip = finish(clip, brief.track.beats, config.finish)
            yield brief.describe(clip, take, codes)


def spare_threads(bundle: Bundle) -> None:
    """Let a small model run in one thread."""
    if bundle.choreographer.config.backbone.hidden < _SMALL_WIDTH:
        torch.set_num_threads(1)


def choreograph(brief: Brief, conditions: Conditions, take: int, advance: Advance) -> NDArray[np.int16]:
    """Codes (S, Q) of one take. A song shorter than a window is danced on a whole one and cut."""
    model, stride = brief.bundle.choreographer, brief.bundle.tokenizer.stride
    codes = np.zeros((brief.steps, model.config.codebooks), np.int16)
    drawn = draw_codes(brief, conditions, take, max(brief.steps, model.config.steps))
    for step, row in zip(range(brief.steps), drawn, strict=False):
        codes[step] = row
        advance(min(stride, brief.frames - step * stride))
    return codes
