from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.ports import read_clips
from infinitedance_cli.testing import example_clip
from tests.conftest import RunIdance
from tests.stages.conftest import Idance
from tests.stages.imitate.test_stage import torn


def test_a_pipe_of_clips(tmp_path: Path, run_idance: RunIdance) -> None:
    stream = encode(example_clip(20)) * 2
    result = run_idance("imitate", "--jobs", "1", stdin=None, input=stream)
    assert result.returncode == 0, result.stderr
    (tmp_path / "out.h5").write_bytes(result.stdout)
    clips = list(read_clips([str(tmp_path / "out.h5")]))
    assert [clip.frames for clip in clips] == [20, 20]
    assert all(clip.extra["physics"].attributes["failed"] is False for clip in clips)
    assert list(tmp_path.iterdir()) == [tmp_path / "out.h5"]


def test_a_failed_clip_is_left_out_with_exit_code_5(tmp_path: Path, idance: Idance) -> None:
    (tmp_path / "in.h5").write_bytes(encode(example_clip(20)) + encode(torn()))
    result = idance("imitate", tmp_path / "in.h5", "-o", tmp_path / "out.h5", "-j", "1")
    assert result.code == 5 and "1 of 2 clips failed and were left out: the body fell in torn at 0." in result.lines[-1]
    assert [clip.clip_id for clip in read_clips([str(tmp_path / "out.h5")])] == ["example"]
    result = idance("imitate", tmp_path / "in.h5", "-o", tmp_path / "all.h5", "-j", "1", "--keep-failed")
    assert result.code == 0, result.lines
    clips = list(read_clips([str(tmp_path / "all.h5")]))
    assert [clip.extra["physics"].attributes["failed"] for clip in clips] == [False, True]


def test_where_all_clips_fail_nothing_is_written(tmp_path: Path, idance: Idance) -> None:
    (tmp_path / "in.h5").write_bytes(encode(torn()))
    result = idance("imitate", tmp_path / "in.h5", "-o", tmp_path / "out.h5")
    assert result.code == 5 and "the body fell in torn at" in result.lines[-1]
    assert not (tmp_path / "out.h5").exists()


def test_bad_input_is_told_in_one_line(tmp_path: Path, idance: Idance) -> None:
    path = tmp_path / "in.h5"
    path.write_bytes(encode(example_clip(20)))
    with h5py.File(path, "r+") as file:
        file["motion/joint_rotation"][3, 2, 1] = np.nan
    result = idance("imitate", path, "-o", tmp_path / "out.h5")
    assert result.code == 3 and "not finite at row 3" in result.lines[-1]
    assert idance("imitate", path, "-o", tmp_path / "out.h5", "--engine", "none").code == 2
    assert idance("imitate", path, "-o", tmp_path / "out.h5", "--quality", "best").code == 2
    assert not (tmp_path / "out.h5").exists()
