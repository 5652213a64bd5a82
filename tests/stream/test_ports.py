from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infinitedance_cli.errors import BadInput, StageFailed, UsageError
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stream import files
from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.index import locate_clips, read_clip_at
from infinitedance_cli.stream.ports import check_inputs, check_output, read_clips, write_clips, write_stream
from tests.stream.clips import assert_same_clip, full_clip, small_clip


def _write(path: Path, *clips: MotionClip) -> str:
    path.write_bytes(b"".join(encode(clip) for clip in clips))
    return str(path)


def test_many_clips_in_one_h5(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    assert write_clips([full_clip("a"), small_clip("b")], str(path)) == 2
    first, second = read_clips([str(path)])
    assert_same_clip(first, full_clip("a"))
    assert_same_clip(second, small_clip("b"))
    assert path.read_bytes() == encode(full_clip("a")) + encode(small_clip("b"))


def test_inputs_are_read_in_order(tmp_path: Path) -> None:
    names = [_write(tmp_path / f"{name}.h5", small_clip(name)) for name in ("b", "a")]
    assert [clip.clip_id for clip in read_clips([*names, names[0]])] == ["b", "a", "b"]


def test_several_clips_become_numbered_files(tmp_path: Path) -> None:
    assert write_clips([small_clip("a"), small_clip("b"), small_clip("c")], str(tmp_path / "out.npz")) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out_00.npz", "out_01.npz", "out_02.npz"]
    assert [clip.clip_id for clip in read_clips([str(tmp_path / "out_01.npz")])] == ["b"]


def test_one_clip_keeps_its_name(tmp_path: Path) -> None:
    write_clips([small_clip()], str(tmp_path / "out.npz"))
    assert [path.name for path in tmp_path.iterdir()] == ["out.npz"]


def test_existing_output_needs_force(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    path.write_text("mine")
    with pytest.raises(UsageError, match=r"out.h5: exists already; give --force"):
        check_output(str(path))
    with pytest.raises(UsageError):
        write_clips([small_clip()], str(path))
    assert path.read_text() == "mine"
    write_clips([small_clip()], str(path), force=True)
    assert path.read_bytes() == encode(small_clip())


def test_numbered_output_needs_force_too(tmp_path: Path) -> None:
    (tmp_path / "out_01.npz").write_text("mine")
    with pytest.raises(UsageError, match="out_01.npz: exists"):
        write_clips([small_clip("a"), small_clip("b")], str(tmp_path / "out.npz"))
    assert (tmp_path / "out_01.npz").read_text() == "mine"


@pytest.mark.parametrize("name", ["out.xyz", "out", ".h5"])
def test_unknown_ending_lists_the_known(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"known: .*\.h5.*\.npz"):
        check_output(str(tmp_path / name))
    (tmp_path / name).write_text("x")
    with pytest.raises(UsageError, match=r"known: .*\.h5.*\.npz"):
        check_inputs([str(tmp_path / name)])


def test_missing_and_unwritable_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        check_output(str(tmp_path / "none" / "out.h5"))
    with pytest.raises(UsageError, match="is a folder"):
        check_output(str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_unwritable_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="not writable"):
        check_output(str(tmp_path / "out.h5"))


def test_bad_inputs(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nowhere.h5: no such file"):
        read_clips([str(tmp_path / "nowhere.h5")])
    with pytest.raises(BadInput, match="is a folder"):
        read_clips([str(tmp_path)])
    with pytest.raises(UsageError, match="given twice"):
        read_clips(["-", "-"])
    with pytest.raises(UsageError, match="no input"):
        read_clips([])


def test_terminal_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class _Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdout", _Terminal())
    monkeypatch.setattr(sys, "stdin", _Terminal())
    with pytest.raises(UsageError, match="standard output is a terminal"):
        check_output("-")
    with pytest.raises(UsageError, match="standard input is a terminal"):
        check_inputs(["-"])


def test_no_clips_leave_no_file(tmp_path: Path) -> None:
    for name in ("out.h5", "out.npz"):
        with pytest.raises(StageFailed, match="no clips"):
            write_clips([], str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".h5", ".npz"])
@pytest.mark.parametrize("error", [StageFailed("diverged"), KeyboardInterrupt(), OSError(errno.EIO, "bad disk")])
def test_failure_of_the_stage_leaves_no_file(tmp_path: Path, ending: str, error: BaseException) -> None:
    def clips() -> Iterator[MotionClip]:
        yield small_clip()
        raise error

    with pytest.raises(type(error)) as caught:
        write_clips(clips(), str(tmp_path / f"out{ending}"))
    assert caught.value is error, "an error of the stage is not an error of the output"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".h5", ".npz"])
@pytest.mark.parametrize(("number", "message"), [(errno.ENOSPC, "the disk is full"), (errno.EIO, "cannot be written")])
def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, number: int, message: str) -> None:
    class _FullDisk(io.FileIO):
        def write(self, data: object) -> int:
            raise OSError(number, os.strerror(number))

    def open_full(path: Path, mode: str) -> io.BufferedRandom:
        return io.BufferedRandom(_FullDisk(str(path), "w+"))  # type: ignore[arg-type]

    monkeypatch.setattr(files, "open", open_full, raising=False)
    with pytest.raises(StageFailed, match=f"out{ending}: {message}"):
        write_clips([small_clip(frames=400)], str(tmp_path / f"out{ending}"))
    assert list(tmp_path.iterdir()) == []


def test_full_device(capfd: pytest.CaptureFixture[str]) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    with pytest.raises(StageFailed, match="standard output: the disk is full"), open("/dev/full", "wb", 0) as full:
        write_stream([small_clip()], full, "standard output")  # type: ignore[arg-type]


def test_each_clip_is_flushed() -> None:
    """The reader of a pipe has clip n before clip n + 1 is made."""
    reader, writer = os.pipe()
    size = len(encode(small_clip(frames=1)))

    def clips() -> Iterator[MotionClip]:
        yield small_clip(frames=1)
        arrived = b""
        while len(arrived) < size:
            arrived += os.read(reader, size)
        assert arrived == encode(small_clip(frames=1))

    with open(writer, "wb", buffering=1 << 20) as stream, open(reader, "rb", 0):
        assert write_stream(clips(), stream, "pipe") == 1


def test_file_is_not_there_before_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"

    def clips() -> Iterator[MotionClip]:
        yield small_clip("a")
        assert not path.exists()
        yield small_clip("b")

    assert write_clips(clips(), str(path)) == 2
    assert path.exists()


def test_input_and_output_may_be_the_same_file(tmp_path: Path) -> None:
    name = _write(tmp_path / "a.h5", small_clip("a"), small_clip("b"))
    assert write_clips(read_clips([name]), name, force=True) == 2
    assert [clip.clip_id for clip in read_clips([name])] == ["a", "b"]


def test_index_reads_one_clip(tmp_path: Path) -> None:
    clips = [full_clip("a"), small_clip("b"), small_clip("c", frames=3)]
    path = Path(_write(tmp_path / "many.h5", *clips))
    locations = locate_clips(path)
    assert [location.offset for location in locations] == [
        0,
        len(encode(clips[0])),
        len(encode(clips[0]) + encode(clips[1])),
    ]
    assert_same_clip(read_clip_at(locations[2]), clips[2])
    assert_same_clip(read_clip_at(locations[0]), clips[0])


@pytest.mark.parametrize(
    ("data", "message"), [(b"", "clip 1: truncated"), (encode(small_clip())[:-1], "clip 1: trunc")]
)
def test_index_of_damaged_files(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "bad.h5").write_bytes(data)
    with pytest.raises(BadInput, match=message):
        locate_clips(tmp_path / "bad.h5")
