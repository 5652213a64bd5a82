"""Dances for many songs: the model is loaded once a worker, and a folder of dances is completed by a rerun."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from infinitedance_cli.config import to_dict
from infinitedance_cli.engine.failures import Failures
from infinitedance_cli.engine.inputs import Input, Source, file_key
from infinitedance_cli.engine.placement import Placement
from infinitedance_cli.engine.run import answers
from infinitedance_cli.engine.source_folder import SourceFiles, clip_files, writing_alone
from infinitedance_cli.engine.sources import find_sources, stem
from infinitedance_cli.engine.task import Answer, Result, Task, Work, one_by_one
from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.log import progress
from infinitedance_cli.models.bundle_files import is_released
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.generate.config import GenerateConfig
from infinitedance_cli.stages.generate.model_folder import model_folder
from infinitedance_cli.stream.ports import PIPE, check_output, read_file, write_clips

logger = logging.getLogger(__name__)

_SOUND = (".mp3", ".wav", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".wma", ".aif", ".aiff")
ENDINGS = (*_SOUND, ".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
"""Files that are taken from a folder; a file that is named may end as it likes."""

_MOST_SONGS = 32
"""Songs that are answered together: what is lost when their worker dies."""


def open_stage(config: GenerateConfig) -> Work:
    """`generate` with its model loaded; of the published model, as many songs at once as it draws dances side by side.

    Raises as `Bundle.named` and `ReleasedDancer`.
    """
    folder = model_folder(config.model)
    if is_released(folder):
        from infinitedance_cli.stages.generate.released import ReleasedDancer

        dancer = ReleasedDancer(folder, config).load()

        def run(songs: Sequence[str]) -> Iterator[Result]:
            for danced in dancer.dance(songs):
                yield Result(danced) if isinstance(danced, list) else Result([], danced)

        return Work(run, at_once=min(_MOST_SONGS, max(1, dancer.batch // config.takes)))
    from infinitedance_cli.models.bundle import Bundle
    from infinitedance_cli.stages.generate.stage import generate

    bundle = Bundle.named(config.model)

    def stage(songs: Iterable[str]) -> Iterator[MotionClip]:
        return (clip for song in songs for clip in generate(song, config, bundle))

    return Work(one_by_one(stage))


def find_songs(inputs: Sequence[str]) -> list[str]:
    """The songs that the inputs name; see `infinitedance_cli.engine.sources.find_sources`."""
    return find_sources(inputs, ENDINGS, "song")


def generate_many(songs: Sequence[str], output: str, config: GenerateConfig, where: Placement, *, force: bool) -> None:
    """Dances for all songs, into a folder with a file for each song, or one after the other into a file or stream.

    A folder is completed: songs whose dances are there, by the same settings, are passed over. Songs that fail are
    named, and StageFailed is raised when all others are danced. Raises UsageError where a folder holds dances of one of
    the songs by other settings, or another command is writing there.
    """
    if PIPE in songs:
        raise UsageError("- (standard input) is one song for one file; name the files of several, or leave out --jobs")
    failures, task = Failures(), Task("infinitedance_cli.stages.generate.many:open_stage", config)
    with writing_alone(output) as folder:
        if folder is None:
            check_output(output, force=force, clips=len(songs) * config.takes)
            with closing(answers(iter(map(Source, songs)), task, where)) as answered:
                write_clips(_images(answered, failures), output, force=force)
        else:
            found = {} if force else _danced(folder, config)
            todo = _missing(songs, found, failures)
            with closing(answers(todo, task, where, keyed=True)) as answered:
                _write_folder(progress(answered, "songs", unit="song"), folder, found, failures)
    failures.raise_if_any("songs")


def _images(answered: Iterable[tuple[Input, Answer]], failures: Failures) -> Iterator[bytes]:
    for source, answer in answered:
        for value in answer.values:
            yield value.image
        failures.count(source, answer)
    if len(failures.errors) == failures.inputs:
        failures.raise_if_any("songs")


def _write_folder(
    answered: Iterable[tuple[Input, Answer]], folder: Path, found: Mapping[str, Path], failures: Failures
) -> None:
    files = SourceFiles(folder, found.values())
    for source, answer in answered:
        failures.count(source, answer)
        if answer.error is None:
            files.write(stem(source.where), answer.key, (value.image for value in answer.values))


def _danced(folder: Path, config: GenerateConfig) -> dict[str, Path]:
    """The file of each song that was danced, by the song's hash. Raises UsageError on another command's dances."""
    found = {}
    for path in clip_files(folder):
        try:
            records = [dict(clip.provenance[-1]) for clip in read_file(path) if clip.provenance]
        except BadInput as error:
            logger.warning("%s; it is made again", error)
            continue
        if len(records) != config.takes or any(_settings(one.get("config")) != _settings(config) for one in records):
            raise UsageError(
                f"{path}: was made with other settings; name another folder, or give --force to replace it"
            )
        found[str(records[0]["input_sha256"])] = path
    return found


def _settings(config: Any) -> dict[str, Any]:
    """Settings apart from the device, which changes no dance."""
    plain = to_dict(config) if isinstance(config, GenerateConfig) else dict(config or {})
    plain.pop("device", None)
    return plain


def _missing(songs: Sequence[str], found: Mapping[str, Path], failures: Failures) -> Iterator[Input]:
    for song in songs:
        if found and file_key(song) in found:
            failures.inputs += 1
            logger.info("%s: done already", song)
        else:
            yield Source(song)
