from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from infinitedance_cli import plugins
from infinitedance_cli.errors import MissingResource, UsageError


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path where packages can be "installed"."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def install(site: Path, package: str, entry_points: str, **modules: str) -> None:
    """Put a distribution with entry points and modules on the path, as pip would."""
    info = site / f"{package.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)
    for name, source in modules.items():
        (site / f"{name}.py").write_text(source)


@pytest.fixture
def built_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the package folder whose `formats` hold what a test writes there."""
    folder = tmp_path / "infinitedance_cli" / "formats"
    folder.mkdir(parents=True)
    monkeypatch.setattr(plugins, "_PACKAGE_FOLDER", folder.parent)
    return folder


def test_built_in_names_are_the_modules_of_the_folder(built_in: Path) -> None:
    for name in ("bvh.py", "aist_pkl.py", "_shared.py", "__init__.py", "README.md", ".hidden.py"):
        (built_in / name).write_text("raise RuntimeError('listing must not import')")
    (built_in / "package").mkdir()
    (built_in / "package" / "__init__.py").touch()
    (built_in / "data").mkdir()
    assert plugins.names("format") == ("aist-pkl", "bvh", "package")


def test_a_kind_without_a_folder_has_no_built_in_names(built_in: Path) -> None:
    assert plugins.names("physics") == ()


def test_installed_packages_add_names_without_being_imported(site: Path, built_in: Path) -> None:
    (built_in / "bvh.py").touch()
    install(site, "idance-usd", "[idance.format]\nusd = idance_usd\n", idance_usd="raise RuntimeError('imported')")
    assert plugins.names("format") == ("bvh", "usd")
    assert plugins.find("format")["usd"] == plugins.Plugin("format", "usd", "idance_usd", "idance-usd")


def test_loading_gives_the_module_or_the_attribute(site: Path) -> None:
    install(
        site,
        "idance-two",
        "[idance.music]\nmodule_form = idance_two\nobject-form = idance_two:Encoders.loud\n",
        idance_two="class Encoders:\n    loud = 'the loud one'\n",
    )
    assert plugins.load("music", "module-form").Encoders.loud == "the loud one"
    assert plugins.load("music", "object_form") == "the loud one"


def test_a_name_claimed_twice_names_both(site: Path, built_in: Path) -> None:
    (built_in / "bvh.py").touch()
    install(site, "idance-other-bvh", "[idance.format]\nbvh = other_bvh:Format\n")
    with pytest.raises(UsageError) as caught:
        plugins.names("format")
    assert str(caught.value) == (
        "two plug-ins claim the format name 'bvh': infinitedance_cli.formats.bvh (from infinitedance-cli) and "
        "other_bvh:Format (from idance-other-bvh); uninstall one of them"
    )


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import a_library_that_nobody_has", "ModuleNotFoundError: No module named 'a_library_that_nobody_has'"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
        ("def broken(:", "SyntaxError: "),
        ("undefined", "NameError: name 'undefined' is not defined"),
        ("", "AttributeError: module 'idance_broken' has no attribute 'Thing'"),
    ],
)
def test_a_broken_plugin_is_listed_and_fails_only_when_chosen(site: Path, source: str, reason: str) -> None:
    install(site, "idance-broken", "[idance.music]\nbroken = idance_broken:Thing\n", idance_broken=source)
    sys.modules.pop("idance_broken", None)
    assert "broken" in plugins.names("music")
    with pytest.raises(MissingResource) as caught:
        plugins.load("music", "broken")
    message = str(caught.value)
    assert message.startswith("the music plug-in 'broken', idance_broken:Thing (from idance-broken), cannot be loaded")
    assert reason in message
    assert "\n" not in message
    sys.modules.pop("idance_broken", None)


def test_a_plugin_that_lacks_an_optional_library_says_which_extra_brings_it(site: Path) -> None:
    source = "raise ModuleNotFoundError('no', name='mamba_ssm')"
    install(site, "idance-fast", "[idance.music]\nfast = idance_fast\n", idance_fast=source)
    with pytest.raises(MissingResource, match=r"pip install 'infinitedance-cli\[mamba\]'$"):
        plugins.load("music", "fast")


def test_an_unknown_name_suggests_the_nearest_and_lists_all(built_in: Path) -> None:
    (built_in / "bvh.py").touch()
    (built_in / "glb.py").touch()
    with pytest.raises(UsageError, match="^there is no format plug-in 'bhv'; did you mean 'bvh'\\? known: bvh, glb$"):
        plugins.load("format", "bhv")


def test_a_plugin_in_a_package_of_ours_says_how_to_install_it(built_in: Path) -> None:
    with pytest.raises(MissingResource, match=r"^the physics plug-in 'isaacgym' .*; run: pip install idance-isaacgym "):
        plugins.load("physics", "isaacgym")


def test_packages_are_those_of_the_repository() -> None:
    folders = Path(__file__).parents[1] / "plugins"
    found = {}
    for path in folders.glob("idance-*/pyproject.toml"):
        project = tomllib.loads(path.read_text())["project"]
        for group, names in project["entry-points"].items():
            found |= {(group.removeprefix("idance."), name): project["name"] for name in names}
            assert path.parent.name == project["name"]
    assert found == plugins.PACKAGES


def test_an_unknown_kind_lists_the_kinds() -> None:
    with pytest.raises(UsageError, match="the kinds are format, music, body"):
        plugins.names("formats")


def test_listing_every_kind_imports_no_heavy_library() -> None:
    code = (
        "import sys; from infinitedance_cli import plugins; [plugins.names(kind) for kind in plugins.KINDS]; "
        "print({'torch', 'numpy', 'librosa', 'h5py', 'scipy', 'av', 'pydantic'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("set()\n", "")
