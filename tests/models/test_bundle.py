from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from infinitedance_cli.errors import BadInput, MissingResource
from infinitedance_cli.models.bundle import FILES, STARTER, Bundle, load_part, part_path, starter_folder
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
