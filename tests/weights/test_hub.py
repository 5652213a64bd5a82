"""Models from Hugging Face, against a server that answers as the hub does, with everything that goes wrong."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infinitedance_cli import weights
from infinitedance_cli.errors import BadInput, MissingResource, StageFailed, UsageError
from infinitedance_cli.weights import HubRepository, Licence, ModelFile, ModelSource, State, store
from tests.conftest import REPOSITORY
from tests.weights.conftest import FREE
from tests.weights.hub import Hub, packed, point_to, serve, wait_for

_MEGABYTE = 1 << 20
NET = bytes(range(256)) * (12 * _MEGABYTE // 256)  # the hub's client writes ten megabytes at a time
ARGS = b'{"depth": 3}'
NAMES = ("args.json", "nets/net.bin", "data/dances.tar.gz")
SOURCE = ModelSource(
    "tiny",
    "tests",
    (
        ModelFile("args.json", "", 10),
        ModelFile("nets/net.bin", "", 10_000),
        ModelFile("data/dances.tar.gz", "", 500, unpack="data/dance", unpacked=2000),
    ),
    FREE,
    HubRepository("owner/model", "main"),
    convert=f"{__name__}:keep_dances",
    in_place=True,
)


DANCES = packed({f"dances/{name}.npy": name.encode() * 700 + os.urandom(500) for name in "ab"})


def keep_dances(fetched: Path, target: Path) -> tuple[Path, ...]:
    """A conversion that goes on to refer to the unpacked folder."""
    assert json.loads((fetched / "args.json").read_text())["depth"] == 3
    (target / "small.bin").write_bytes((fetched / "nets" / "net.bin").read_bytes()[:300])
    dances = (fetched / "data" / "dance" / "dances").resolve()
    (target / "where").write_text(str(dances))
    return (dances,)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    served = Hub()
    served.commit({"args.json": ARGS, "nets/net.bin": NET, "data/dances.tar.gz": DANCES, "unwanted.bin": b"x" * 5000})
    with serve(served):
        point_to(served, monkeypatch)
        yield served


def mend(hub: Hub) -> None:
    hub.down, hub.stop_after, hub.stall_after = False, None, None


def noted() -> dict[str, object]:
    return json.loads((weights.folder(SOURCE) / "idance-model.json").read_text())


def test_what_is_needed_comes_from_the_commit_of_the_branch_and_the_rest_goes(hub: Hub) -> None:
    commit = hub.branches["main"]
    folder = weights.add(SOURCE)
    dances = Path((folder / "where").read_text())
    assert sorted(path.name for path in dances.iterdir()) == ["a.npy", "b.npy"]
    data = folder.with_name(f"{folder.name}.data")
    assert [path for path in data.rglob("*") if path.is_file() and path.parent != dances] == []
    assert {found for name in NAMES for found in hub.fetched(name)} == {(commit, "")}
    assert hub.fetched("unwanted.bin") == []
    facts = noted()
    assert (facts["asked"], facts["revision"], facts["data"]) == ("main", commit, ["data/dance/dances"])
    contents = dict(zip(NAMES, (ARGS, NET, DANCES), strict=True))
    assert facts["sha256"] == {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    asked = len(hub.asked)
    assert weights.add(SOURCE) == folder and len(hub.asked) == asked, "nothing is fetched twice"


def test_a_broken_download_goes_on_at_the_same_commit_although_the_branch_has_moved(hub: Hub) -> None:
    first = hub.branches["main"]
    hub.stop_after = 11 * _MEGABYTE
    with pytest.raises(MissingResource, match=r"nets/net\.bin: .*run it again to go on"):
        weights.add(SOURCE)
    assert weights.state(SOURCE) is State.ABSENT
    hub.commit({**hub.commits[first], "nets/net.bin": NET[::-1]})
    mend(hub)
    folder = weights.add(SOURCE)
    assert (folder / "small.bin").read_bytes() == NET[:300]
    assert hub.fetched("nets/net.bin")[-1] == (first, f"bytes={10 * _MEGABYTE}-")
    assert (len(hub.fetched("args.json")), hub.listings, noted()["revision"]) == (1, 1, first)


def test_another_revision_in_between_keeps_what_is_the_same(hub: Hub) -> None:
    hub.stop_after = 11 * _MEGABYTE
    with pytest.raises(MissingResource):
        weights.add(SOURCE)
    other = hub.commit({**hub.commits[hub.branches["main"]], "nets/net.bin": NET[::-1]}, "next")
    mend(hub)
    folder = weights.add(SOURCE, revision=other)
    assert (folder / "small.bin").read_bytes() == NET[::-1][:300]
    assert hub.fetched("nets/net.bin")[-1] == (other, ""), "the half of another content is not continued"
    assert len(hub.fetched("args.json")) == 1
    assert weights.add(SOURCE) == folder, "whatever is here is used"
    with pytest.raises(UsageError, match=rf"here from {other}, not from main; .*idance models remove tiny"):
        weights.add(SOURCE, revision="main")


def test_a_killed_process_leaves_what_has_come_to_the_next(hub: Hub, cache: Path) -> None:
    hub.stall_after = 11 * _MEGABYTE
    with _process(hub) as process:
        part = wait_for(cache, lambda path: path.parent.name == "parts" and path.stat().st_size >= 10 * _MEGABYTE)
        process.send_signal(signal.SIGKILL)
        assert process.wait(60) == -signal.SIGKILL
    assert weights.state(SOURCE) is State.ABSENT and part.exists()
    mend(hub)
    weights.add(SOURCE)
    assert hub.fetched("nets/net.bin")[-1][1] == f"bytes={10 * _MEGABYTE}-"
    assert weights.state(SOURCE) is State.READY


def test_of_two_processes_one_downloads(hub: Hub) -> None:
    with _process(hub) as first, _process(hub) as second:
        folders = {process.communicate(timeout=100)[0].strip() for process in (first, second)}
        assert (first.returncode, second.returncode) == (0, 0)
    assert folders == {str(weights.folder(SOURCE))}
    assert [len(hub.fetched(name)) for name in NAMES] == [1, 1, 1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("args.json", "args.json is the git blob [0-9a-f]{12}; expected [0-9a-f]{12}, as the hub says"),
        ("data/dances.tar.gz", r"dances.tar.gz has the SHA-256 [0-9a-f]{16}…; expected [0-9a-f]{16}…"),
    ],
)
def test_what_was_changed_on_the_way_is_deleted_and_fetched_again(hub: Hub, name: str, message: str) -> None:
    truth = hub.commits[hub.branches["main"]][name]
    hub.lies[name] = truth[:-1] + bytes([truth[-1] ^ 1])
    with pytest.raises(BadInput, match=message):
        weights.add(SOURCE)
    assert weights.state(SOURCE) is State.ABSENT
    hub.lies.clear()
    assert (weights.add(SOURCE) / "small.bin").read_bytes() == NET[:300]
    assert hub.fetched(name)[-1][1] == "", "from its beginning"


def test_a_pinned_hash_holds_whatever_the_hub_says(hub: Hub) -> None:
    commit = hub.branches["main"]
    file = ModelFile("args.json", hashlib.sha256(b"x" * len(ARGS)).hexdigest(), len(ARGS))
    pinned = replace(SOURCE, files=(file,), origin=HubRepository("owner/model", commit), convert="", in_place=False)
    with pytest.raises(BadInput, match=f"owner/model at {commit[:12]}: args.json has the SHA-256"):
        weights.add(pinned)
    assert hub.listings == 0


def test_too_little_room_is_said_before_anything_is_fetched(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    free = os.statvfs(weights.cache_folder().parent)
    needed = 10**15 + len(NET)
    source = replace(SOURCE, files=(*SOURCE.files[:2], replace(SOURCE.files[2], unpacked=10**15)))
    assert needed > free.f_bavail * free.f_frsize
    with pytest.raises(StageFailed, match=r"needs 1000000\.0 GB in /.*\.data, where [0-9.]+ .B are free; make room"):
        weights.add(source)
    assert [len(hub.fetched(name)) for name in NAMES] == [0, 0, 0]


def test_a_disk_that_fills_up_in_the_middle_keeps_what_has_come(hub: Hub) -> None:
    # A limit on the size of files is the full disk that a test can have.
    with _process(hub, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10 * _MEGABYTE, 10 * _MEGABYTE))) as process:
        said = process.communicate(timeout=100)[1]
    assert process.returncode == 5
    assert "the model 'tiny': no more room in" in said and "set IDANCE_CACHE" in said and "Traceback" not in said
    weights.add(SOURCE)
    assert hub.fetched("nets/net.bin")[-1][1] == f"bytes={10 * _MEGABYTE}-"


def _link() -> tarfile.TarInfo:
    link = tarfile.TarInfo("dances/out")
    link.type, link.linkname = tarfile.SYMTYPE, "../../../../secret"
    return link


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (packed({"dances/a.npy": b"a", "../../outside": b"b"}), "do not trust it"),
        (packed({"dances/a.npy": b"a", "dances/out": _link()}), "'dances/out' in the archive is a link"),
        (DANCES[: len(DANCES) // 2], "no whole archive"),
    ],
    ids=["outside", "link", "cut"],
)
def test_an_archive_that_does_not_stay_in_its_folder_is_not_unpacked(
    hub: Hub, cache: Path, archive: bytes, message: str
) -> None:
    hub.commit({**hub.commits[hub.branches["main"]], "data/dances.tar.gz": archive})
    with pytest.raises(BadInput, match=message):
        weights.add(SOURCE)
    assert not [path for path in cache.rglob("*") if path.name in ("outside", "a.npy", "out", "dance")]


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda hub: hub.branches.clear(), "the hub knows no revision 'main' of it"),
        (lambda hub: setattr(hub, "name", "owner/other"), "no such repository"),
        (lambda hub: hub.commit({"args.json": ARGS}), r"at [0-9a-f]{12} it has no nets/net\.bin, data/dances\.tar\.gz"),
        (lambda hub: setattr(hub, "down", True), "503"),
    ],
)
def test_what_the_hub_does_not_give_is_said_with_sizes_places_and_the_way_round(
    hub: Hub, break_it: Callable[[Hub], object], message: str
) -> None:
    break_it(hub)
    with pytest.raises(MissingResource, match=message) as caught:
        weights.add(SOURCE)
    said = str(caught.value)
    assert "\n" not in said and "Request ID" not in said
    assert "args.json (0.0 MB), nets/net.bin (0.0 MB), data/dances.tar.gz (0.0 MB, unpacked into data/dance/)" in said
    assert f"it goes to {weights.folder(SOURCE)}" in said and "idance models add tiny --from FOLDER" in said


def test_data_that_have_gone_are_fetched_again_at_the_commit_that_was_noted(hub: Hub) -> None:
    first = hub.branches["main"]
    dances = Path((weights.add(SOURCE) / "where").read_text())
    hub.commit({**hub.commits[first], "args.json": b'{"depth": 3, "new": 1}'})
    for path in dances.iterdir():
        path.unlink()
    dances.rmdir()
    assert weights.state(SOURCE) is State.DAMAGED
    weights.add(SOURCE)
    assert (len(list(dances.iterdir())), noted()["revision"]) == (2, first)
    assert weights.remove(SOURCE) > 1000 and not dances.exists()


def test_a_users_folder_is_read_in_place_and_stays(hub: Hub, tmp_path: Path) -> None:
    for name, content in {"args.json": ARGS, "nets/net.bin": b"mine", "data/dance/dances/c.npy": b"c"}.items():
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_bytes(content)
    folder = weights.add(SOURCE, tmp_path / "mine")
    assert (folder / "where").read_text() == str(tmp_path / "mine" / "data" / "dance" / "dances")
    weights.remove(SOURCE)
    assert (tmp_path / "mine" / "nets" / "net.bin").read_bytes() == b"mine" and hub.asked == []


def test_a_model_without_repository_has_no_revisions(source: ModelSource) -> None:
    with pytest.raises(UsageError, match="'tiny' has no revisions"):
        weights.add(source, revision="main")


def test_a_download_is_not_begun_unasked_before_its_licence_is_accepted(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = replace(SOURCE, licence=Licence("Own-1.0", "https://example.org/licence", "no commerce", must_accept=True))
    monkeypatch.setattr(store, "find", lambda name: bound)
    with pytest.raises(MissingResource, match=r"Own-1\.0.*idance models add tiny.*--from PATH"):
        weights.require("tiny")
    assert hub.asked == []


def _process(hub: Hub, first: Callable[[], None] | None = None) -> subprocess.Popen[str]:
    """`weights.add` in a process of its own, errors as `idance` shows them."""
    script = (
        "import sys\n"
        "from infinitedance_cli import weights\n"
        "from infinitedance_cli.errors import IdanceError\n"
        f"from {__name__} import SOURCE\n"
        "try:\n"
        "    print(weights.add(SOURCE))\n"
        "except IdanceError as error:\n"
        "    sys.stderr.write(str(error))\n"
        "    sys.exit(error.exit_code)\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        env={**os.environ, **hub.environment()},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=first,
    )
