"""`idance generate --stream`: a dance that leaves in pieces while its song is still coming in."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.models.bundle import Bundle
from infinitedance_cli.models.bundle_files import is_released
from infinitedance_cli.models.device import pick_device
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.music.sources import AudioSource, LiveSource, open_live
from infinitedance_cli.stages.generate.brief import Commission, matching_encoder
from infinitedance_cli.stages.generate.conditions import Conditions
from infinitedance_cli.stages.generate.drawing import draw_codes
from infinitedance_cli.stages.generate.finish import FPS
from infinitedance_cli.stages.generate.genre import choose_genre
from infinitedance_cli.stages.generate.model_folder import model_folder
from infinitedance_cli.stages.generate.retrieval import SongFeatures
from infinitedance_cli.stages.generate.stage import spare_threads
from infinitedance_cli.stages.generate.streamed_config import StreamedConfig
from infinitedance_cli.stages.generate.streamed_dance import LiveSong, StreamedDance, digest_of

logger = logging.getLogger(__name__)


def stream_dance(source: AudioSource, config: StreamedConfig, bundle: Bundle | None = None) -> Iterator[MotionClip]:
    """The dance of a song in pieces, as long together as the song to within a frame.

    The song is read as it comes, up to a window of the model and a few seconds beyond what is danced; nothing is kept.
    `bundle` is the model that `config` names, where it is loaded already.

    Raises:
        BadInput: the song cannot be read or holds no sound; parts of the model do not belong together.
        UsageError: the genre or the device is unknown, or the model cannot dance in pieces as it is set.
        MissingResource: the model, its music encoder or the device is not there.
    """
    if bundle is None and is_released(folder := model_folder(config.model)):
        from infinitedance_cli.stages.generate.released_streaming import stream_released

        yield from stream_released(source, folder, config)
        return
    device = pick_device(config.device)
    bundle = load_bundle(config.model) if bundle is None else bundle
    spare_threads(bundle)
    bundle.choreographer.to(device)
    with open_live(source) as readable, digest_of(readable) as sha256:
        song = _SongInSteps(readable, config, bundle)
        song.until(bundle.choreographer.config.steps)
        genre = choose_genre(config.genre, bundle, song, bundle.index.window_steps)
        commission = Commission(config, bundle, device, song, genre)
        tempo = song.listener.tempo_bpm
        logger.info("%s: dancing as it comes in, %s", song.name, f"{tempo:.0f} BPM" if tempo else "no steady beat")
        dance = StreamedDance(
            song,
            commission.name(song.name, 0),
            bundle.tokenizer,
            config,
            lambda clip, track, codes: commission.described(clip, track, 0, codes),
            sha256,
        )
        yield from dance.pieces(draw_codes(commission, Conditions(commission), 0, song.until))


def load_bundle(name: str) -> Bundle:
    """The model `name`, checked; raises as `stream_dance`."""
    bundle = Bundle.named(name)
    bundle.require_match()
    return bundle


class _SongInSteps(LiveSong):
    """A song on the model's grid of steps, as far as it was heard."""

    def __init__(self, source: AudioSource | LiveSource, config: StreamedConfig, bundle: Bundle) -> None:
        window = bundle.choreographer.config.steps
        super().__init__(source, config, matching_encoder(bundle), bundle.tokenizer.stride, window)

    def steps(self, first: int, count: int) -> NDArray[np.float32]:
        """Music (count, M) of the steps from `first` on."""
        heard, step_s = self.listener, self.stride / FPS
        heard.hear((first + count) * step_s)
        rows = SongFeatures(heard.rows, heard.encoder.rate_hz, step_s, heard.beats, heard.first_row)
        return rows.steps(first, count)
