"""Train the starter model from the recordings, one command:

python -m infinitedance_cli.starter.retrain DATA WORK [--feet]

DATA is the folder of recordings and songs (see MODEL_CARD.md); WORK receives clips, pairs, weights and the log of
figures, and the packed model in WORK/weights. Whatever is finished in WORK is not done again. The settings are the
YAML files in `recipe/`.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from infinitedance_cli import log
from infinitedance_cli.config import ConfigType, resolve
from infinitedance_cli.models.bundle import FILES
from infinitedance_cli.models.checkpoint import load_model, read_description, save_model
from infinitedance_cli.models.choreographer import Choreographer
from infinitedance_cli.models.dance_index import save_index
from infinitedance_cli.models.retriever import Retriever
from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.build_index.config import BuildIndexConfig
from infinitedance_cli.stages.build_index.stage import index_clips
from infinitedance_cli.stages.restore_feet.weights import FILE as FOOT_RESTORER
from infinitedance_cli.stages.train.stage import (
    ChoreographerRun,
    FootRestorerRun,
    Parts,
    RetrieverRun,
    TokenizerRun,
    train_choreographer,
    train_foot_restorer,
    train_retriever,
    train_tokenizer,
)
from infinitedance_cli.starter.match_music import MatchConfig, match_music
from infinitedance_cli.starter.prepare import prepared_clips
from infinitedance_cli.starter.song_bank import SongBank, composed_songs, recorded_songs
from infinitedance_cli.starter.sources import CREDITS, OTHER, is_validation
from infinitedance_cli.stream.ports import read_clips, write_clips

logger = logging.getLogger(__name__)

HELD_OUT_SONGS = ("speeditup", "airship_remix", "classic", "Karissa_Hobbs_-_Lets_Go_Fishin.hq")
"""Songs that no dance is matched with: the benchmark's."""
_RECIPES = Path(__file__).parent / "recipe"
_LEAST_FRAMES = 40


def retrain(data: Path, work: Path) -> Path:
    """Everything from recordings to a packed model; returns the folder of the five files."""
    clips, pairs, weights = prepare(data, work), work / "pairs.h5", work / "weights"
    train_tokenizer(read_clips([str(clips)]), _run(TokenizerRun, "tokenizer"), work / "tokenizer")
    if not pairs.exists():
        files = [path for path in (data / "music" / "songs").glob("*.ogg") if path.stem not in HELD_OUT_SONGS]
        bank = SongBank.of(chain(recorded_songs(files), composed_songs()))
        write_clips(match_music(_dances(clips), bank, MatchConfig()), str(pairs))
    parts = Parts(
        work / "tokenizer" / FILES["tokenizer"], work / "retriever" / FILES["retriever"], work / FILES["index"]
    )
    train_retriever(read_clips([str(pairs)]), _run(RetrieverRun, "retriever"), work / "retriever", parts=parts)
    make_index(clips, parts)
    run = _run(ChoreographerRun, "choreographer")
    train_choreographer(read_clips([str(pairs)]), run, work / "choreographer", parts=parts, licences=_licences())
    retrain_feet(data, work)
    pack(work, weights)
    return weights


def prepare(data: Path, work: Path) -> Path:
    """The file of prepared clips in `work`, made from the recordings unless it is there."""
    work.mkdir(parents=True, exist_ok=True)
    clips = work / "clips.h5"
    if not clips.exists():
        write_clips(prepared_clips(data), str(clips))
    return clips


def retrain_feet(data: Path, work: Path) -> Path:
    """The foot restorer alone, which needs none of the other parts; returns the folder of its weights."""
    clips, folder = prepare(data, work), work / "foot_restorer"
    run = _run(FootRestorerRun, "foot_restorer")
    train_foot_restorer(without_test(read_clips([str(clips)])), run, folder, licences=_licences())
    return folder


def without_test(clips: Iterable[MotionClip]) -> Iterator[MotionClip]:
    """Clips to train on and to choose by: those that only measure are left out."""
    for clip in clips:
        facts = clip.extra["dataset"].attributes
        if facts["split"] == "train" or is_validation(str(facts["source"]), clip.clip_id):
            yield clip


def make_index(clips: Path, parts: Parts) -> None:
    """Index the training dances at `parts.index`."""
    tokenizer, retriever = (
        load_model(parts.file("tokenizer"), Tokenizer),
        load_model(parts.file("retriever"), Retriever),
    )
    config = BuildIndexConfig(genres_only=True, split="train", stride=16)
    save_index(index_clips(_dances(clips), tokenizer, retriever, config), parts.file("index"))


def pack(work: Path, folder: Path) -> None:
    """Copy the five files to `folder` with matrices in half precision, and the figures of their training."""
    folder.mkdir(exist_ok=True)
    for part, kind in (("tokenizer", Tokenizer), ("retriever", Retriever), ("choreographer", Choreographer)):
        source = work / part / FILES[part]
        provenance = read_description(source).provenance
        save_model(folder / FILES[part], load_model(source, kind), provenance=provenance, half=True)
    (folder / FILES["index"]).write_bytes((work / FILES["index"]).read_bytes())
    (folder / FOOT_RESTORER).write_bytes((work / "foot_restorer" / FOOT_RESTORER).read_bytes())
    figures = {
        part: [json.loads(line) for line in (work / part / "figures.jsonl").read_text("utf-8").splitlines()]
        for part in ("tokenizer", "retriever", "choreographer", "foot_restorer")
    }
    (folder / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _run(config_type: type[ConfigType], name: str) -> ConfigType:
    return resolve(config_type, file=_RECIPES / f"{name}.yaml")


def _dances(clips: Path) -> Iterator[MotionClip]:
    for clip in read_clips([str(clips)]):
        if clip.labels is not None and clip.labels.genre != OTHER and clip.frames > _LEAST_FRAMES:
            yield clip


def _licences() -> tuple[str, ...]:
    return tuple(f"{folder}: {credit.licence} ({credit.credit})" for folder, credit in CREDITS.items())


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of recordings and songs")
    parser.add_argument("work", type=Path, help="folder for everything that is made")
    parser.add_argument("--feet", action="store_true", help="train the foot restorer only")
    arguments = parser.parse_args()
    log.configure()
    make = retrain_feet if arguments.feet else retrain
    logger.info("weights in %s", make(arguments.data, arguments.work))


if __name__ == "__main__":
    main()
