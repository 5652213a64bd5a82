from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, RunIdance
from tests.weights.conftest import CONTENTS, make_wheel

# A package of somebody else's that offers two models: a free one in a wheel, and one whose licence binds.
PACKAGE = """
from infinitedance_cli.weights import Download, Licence, ModelFile, ModelSource, Wheel
FILES = {files}
class free:
    SOURCE = ModelSource("tiny", "tests of a free model", FILES,
                         Licence("MIT", "https://example.org/mit", "do as you like"),
                         Wheel("tiny-models==1.0", "3.11", "manylinux_2_28_x86_64", 900))
class bound:
    SOURCE = ModelSource("tiny-bound", "tests of a bound model", FILES,
                         Licence("AGPL-3.0", "https://example.org/agpl", "publish your source", must_accept=True),
                         Download("http://127.0.0.1:9/tiny"))
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Variables under which `idance` knows both models and has a cache of its own."""
    import hashlib

    site = tmp_path / "site"
    info = site / "tiny_plugin-1.0.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: tiny-plugin\nVersion: 1.0\n")
    info.joinpath("entry_points.txt").write_text(
        "[idance.weights]\ntiny = tiny_plugin:free\ntiny-bound = tiny_plugin:bound\n"
    )
    files = ", ".join(
        f"ModelFile({Path(member).name!r}, {hashlib.sha256(content).hexdigest()!r}, {len(content)}, {member!r})"
        for member, content in CONTENTS.items()
    )
    site.joinpath("tiny_plugin.py").write_text(PACKAGE.replace("{files}", f"({files},)"))
    return {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{site}", "IDANCE_CACHE": str(tmp_path / "cache")}


def test_add_from_a_wheel_then_path_list_and_remove(
    run_idance: RunIdance, environment: dict[str, str], tmp_path: Path
) -> None:
    wheel = make_wheel(tmp_path, CONTENTS)
    added = run_idance("models", "add", "tiny", "--from", wheel, env=environment)
    assert added.returncode == 0, added.stderr
    folder = Path(added.stdout.decode().strip())
    assert (folder / "small.bin").read_bytes() == b"small"
    assert run_idance("models", "path", "tiny", env=environment).stdout == added.stdout
    listed = json.loads(run_idance("models", "list", "--json", env=environment).stdout)
    states = {model["name"]: model["state"] for model in listed["models"]}
    assert (states["tiny"], states["tiny-bound"], listed["cache"]) == ("ready", "absent", environment["IDANCE_CACHE"])
    assert run_idance("models", "remove", "tiny", env=environment).returncode == 0
    gone = run_idance("models", "path", "tiny", env=environment)
    assert (gone.returncode, gone.stdout) == (4, b"")
    assert b"idance models add tiny" in gone.stderr


def test_a_binding_licence_stops_a_script_until_it_is_accepted(
    run_idance: RunIdance, environment: dict[str, str], tmp_path: Path
) -> None:
    wheel = make_wheel(tmp_path, CONTENTS)
    refused = run_idance("models", "add", "tiny-bound", "--from", wheel, env=environment)
    assert refused.returncode == 4
    assert b"publish your source" in refused.stderr and b"--accept-licence" in refused.stderr
    assert (
        run_idance("models", "add", "tiny-bound", "--from", wheel, "--accept-licence", env=environment).returncode == 0
    )
    said = run_idance("models", "licenses", "tiny-bound", env=environment).stdout.decode()
    assert "AGPL-3.0" in said and "https://example.org/agpl" in said and "accepted 20" in said
    run_idance("models", "remove", "tiny-bound", env=environment)
    again = run_idance("models", "add", "tiny-bound", "--from", wheel, env=environment)
    assert again.returncode == 0, "a licence is accepted once"


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 4), (b"y\n", 0)])
def test_a_person_at_a_terminal_is_asked(environment: dict[str, str], tmp_path: Path, answer: bytes, code: int) -> None:
    ours, theirs = pty.openpty()
    wheel = make_wheel(tmp_path, CONTENTS)
    command = [sys.executable, "-m", "infinitedance_cli", "models", "add", "tiny-bound", "--from", str(wheel)]
    os.write(ours, answer)
    with subprocess.Popen(
        command, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, env={**os.environ, **environment}
    ) as process:
        assert process.wait(60) == code
    os.close(theirs)
    asked = os.read(ours, 10_000)
    os.close(ours)
    assert b"publish your source" in asked and b"Do you accept it?" in asked


def test_licences_of_all_models_are_listed(run_idance: RunIdance, environment: dict[str, str]) -> None:
    said = run_idance("models", "licenses", env=environment).stdout.decode()
    assert "blazepose: Apache-2.0" in said
    assert "tiny: MIT\n  do as you like\n  https://example.org/mit\n" in said


def test_an_unknown_model_is_a_usage_error(run_idance: RunIdance, environment: dict[str, str]) -> None:
    wrong = run_idance("models", "add", "blazpose", env=environment)
    assert wrong.returncode == 2 and b"did you mean 'blazepose'?" in wrong.stderr


NOWHERE = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "", "no_proxy": "127.0.0.1", "http_proxy": ""}


def test_the_published_models_are_not_fetched_before_their_licence_is_accepted(
    run_idance: RunIdance, environment: dict[str, str]
) -> None:
    for name, licence in {"infinitedance": "Non-Commercial Research", "muq": "CC-BY-NC-4.0"}.items():
        refused = run_idance("models", "add", name, env=environment | NOWHERE)
        assert (refused.returncode, refused.stdout) == (4, b"")
        assert licence.encode() in refused.stderr and refused.stderr.count(b"\n") == 1
        assert f"idance models add {name} --accept-licence".encode() in refused.stderr


def test_without_a_network_files_sizes_and_places_are_listed(
    run_idance: RunIdance, environment: dict[str, str]
) -> None:
    ended = run_idance("models", "add", "infinitedance", "--accept-licence", env=environment | NOWHERE)
    said = ended.stderr.decode().splitlines()[-1]
    assert (ended.returncode, ended.stdout) == (4, b"")
    for part in (
        "huggingface.co/huuuuuuuuu/InfiniteDance at main, about 12.4 GB",
        "refused",
        "All_LargeDanceAR/output/exp_m2d_infinitedance/best_model_stage2.pt (2.3 GB)",
        "ft_balanced.tar.gz (9.3 GB, unpacked into InfiniteDanceData/dance/)",
        "idance models add infinitedance --from FOLDER",
        f"it goes to {environment['IDANCE_CACHE']}/models/infinitedance-",
    ):
        assert part in said
    ended = run_idance("models", "add", "muq", "--accept-licence", env=environment | NOWHERE)
    assert ended.returncode == 4
    assert b"MuQ-large-msd-iter at 0562a57814f6, 1.3 GB" in ended.stderr
    assert b"config.json (0.0 MB), model.safetensors (1.3 GB)" in ended.stderr


def test_revisions_are_listed_and_belong_to_repositories(run_idance: RunIdance, environment: dict[str, str]) -> None:
    lines = run_idance("models", "list", env=environment).stdout.decode().splitlines()
    rows = {line.split()[0]: line.split() for line in lines}
    assert rows["name"][:4] == ["name", "state", "revision", "size"]
    assert (rows["muq"][2], rows["infinitedance"][2], rows["tiny"][2]) == ("0562a57814f6", "main", "-")
    wrong = run_idance("models", "add", "tiny", "--revision", "main", env=environment)
    assert wrong.returncode == 2 and b"'tiny' has no revisions" in wrong.stderr
    both = run_idance("models", "add", "muq", "--revision", "main", "--from", "x", env=environment)
    assert both.returncode == 2 and b"--from and --revision exclude each other" in both.stderr


def test_a_folder_of_another_model_ends_with_three(
    run_idance: RunIdance, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text('{"model_type": "bert"}')
    ended = run_idance("models", "add", "muq", "--accept-licence", "--from", tmp_path / "bert", env=environment)
    assert ended.returncode == 3
    assert b"has no 'stat': it is the configuration of another model (bert)" in ended.stderr
    assert run_idance("models", "path", "muq", env=environment).returncode == 4
