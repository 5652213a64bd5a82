from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from infinitedance_cli.errors import BadInput, MissingResource
from infinitedance_cli.models.bundle import FILES, STARTER, Bundle, load_part, part_path, starter_folder
from infinitedance_cli.models.checkpoint import weights_sha256
from infinitedance_cli.models.dance_index.file import FileIndex, embedded_clips
from infinitedance_cli.models.dance_index.writer import IndexWriter
from infinitedance_cli.models.retriever import Retriever
from infinitedance_cli.models.tokenizer import Tokenizer
from tests.models.tiny_bundle import GENRES_KNOWN, STEPS, write_tiny_bundle


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle"))


def test_the_parts_fit_one_another(folder: Path) -> None:
    bundle = Bundle.named(str(folder))
    assert bundle.genres == GENRES_KNOWN == bundle.index.genres and bundle.licences == ("CC0",)
    assert bundle.index.window_steps == bundle.retriever.config.length == bundle.choreographer.config.steps == STEPS
    bundle.index.require_codebook(bundle.tokenizer.codebook_sha256)
    assert bundle.tokenizer is bundle.tokenizer and not bundle.tokenizer.training


def test_a_missing_folder_and_a_missing_file(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingResource, match="no such folder; give starter or a folder with tokenizer.safetensors"):
        Bundle.named(str(tmp_path / "none"))
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / FILES["index"]).unlink()
    with pytest.raises(MissingResource, match=r"index\.safetensors missing"):
        Bundle.named(str(tmp_path / "copy"))


def test_a_part_by_file_folder_and_name(folder: Path, tmp_path: Path) -> None:
    assert part_path(str(folder), "retriever") == part_path(str(folder / FILES["retriever"]), "retriever")
    assert load_part(str(folder), "retriever", Retriever).config.length == STEPS
    if (starter_folder() / FILES["tokenizer"]).is_file():
        assert part_path(STARTER, "tokenizer") == starter_folder() / FILES["tokenizer"]
    else:
        with pytest.raises(MissingResource, match="tokenizer starter: there is no file"):
            part_path(STARTER, "tokenizer")
    with pytest.raises(MissingResource, match="give --index a trained one"):
        part_path(str(tmp_path), "index")
    with pytest.raises(BadInput, match="holds a Retriever; expected a Tokenizer"):
        load_part(str(folder / FILES["retriever"]), "tokenizer", Tokenizer)


def test_an_index_in_a_folder_stands_for_the_file(folder: Path, tmp_path: Path) -> None:
    """Dances come from it, and it is refused where another retriever made it."""
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / FILES["index"]).unlink()
    bundle = Bundle.named(str(folder))
    own = {"codebook_sha256": bundle.tokenizer.codebook_sha256}
    assert isinstance(bundle.index, FileIndex)
    for retriever, error in ((weights_sha256(bundle.retriever), False), ("ef" * 32, True)):
        details = {**own, "retriever_sha256": retriever}
        with IndexWriter(tmp_path / "copy" / "index", STEPS, details) as writer:
            for entry in embedded_clips(bundle.index):
                writer.add(entry)
            writer.finish()
        copy = Bundle.named(str(tmp_path / "copy"))
        assert part_path(str(tmp_path / "copy"), "index") == tmp_path / "copy" / "index"
        assert len(copy.index) == len(bundle.index) and copy.index.genres == bundle.index.genres
        if error:
            with pytest.raises(BadInput, match="embeddings of the retriever efefefefefef…, the retriever has"):
                copy.require_match()
        else:
            copy.require_match()
