"""Sessions: lint, types, tests, plugins, examples, build, bench, readme. `nox -l` lists them, `nox -s tests` runs one.

All but `build` run in the environment that `pip install -e '.[dev]'` made, so that nothing is installed twice.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import nox

ROOT = Path(__file__).parent
nox.options.sessions = ["lint", "types", "tests", "plugins", "examples"]


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """Style, format and the rules of who may import whom."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session(venv_backend="none")
def types(session: nox.Session) -> None:
    """Static types of the package and of those in plugins/, strictly."""
    session.run("mypy")
    for package in sorted((ROOT / "plugins").glob("*/*/__init__.py")):
        session.run("mypy", str(package.parent))


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """The tests; arguments after -- go to pytest."""
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(venv_backend="none")
def plugins(session: nox.Session) -> None:
    """The tests of each package in plugins/, with that package installed in a folder of its own."""
    for package in sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml")):
        site = Path(session.create_tmp()).resolve() / package.name
        pip = ("python", "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", str(site))
        session.run(*pip, str(package))
        session.run("python", "-m", "pytest", str(package), env={"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])})


@nox.session(venv_backend="none")
def examples(session: nox.Session) -> None:
    """Every numbered pipeline of examples/, each in an empty folder, stopping at the first command that fails."""
    scripts = sorted((ROOT / "examples").glob("[0-9]*.sh"))
    if not scripts:
        session.skip("there are no examples")
    for script in scripts:
        with tempfile.TemporaryDirectory() as folder, session.chdir(folder):
            session.run("bash", "-euo", "pipefail", str(script), external=True)


@nox.session(venv_backend="venv")
def build(session: nox.Session) -> None:
    """The wheel, installed alone in a fresh environment and tried out far from the source."""
    folder = Path(session.create_tmp()).resolve()
    session.run("pip", "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT), silent=True)
    wheel = max(folder.glob("infinitedance_cli-*.whl"), key=os.path.getmtime)
    session.install(str(wheel))
    song = min((ROOT / "examples" / "songs").glob("*.*"), default=None)
    with session.chdir(folder):
        session.run("python", "-c", "import infinitedance_cli as i; assert 'site-packages' in i.__file__, i.__file__")
        session.run("idance", "--help")
        session.run("idance", "doctor")
        if song is not None:
            session.run("idance", "generate", str(song), "-o", "dance.bvh", "--force")


@nox.session(venv_backend="none")
def bench(session: nox.Session) -> None:
    """The figures of this version, by the scripts in tests/benchmarks; arguments after -- pick some by name.

    Those that need recordings or songs take them from the folder in IDANCE_DATA, and are left out without it.
    Dances are measured on the songs of the folder in IDANCE_TEST_SONGS, otherwise on the examples and held-out songs.
    """
    from infinitedance_cli.starter.retrain import HELD_OUT_SONGS

    data = os.environ.get("IDANCE_DATA", "")
    examples = [str(path) for path in sorted((ROOT / "examples" / "songs").glob("*.ogg"))]
    songs = [
        str(path) for path in sorted((Path(data) / "music" / "songs").glob("*.ogg")) if path.stem in HELD_OUT_SONGS
    ]
    untouched = [str(path) for path in sorted(Path(os.environ.get("IDANCE_TEST_SONGS", "-")).glob("*.ogg"))]
    arguments = {
        "bench_retarget": [data],
        "bench_capture": [data],
        "bench_capture_speed": [data],
        "bench_tokenizer": [data],
        "bench_imitate": [data],
        "bench_restore_feet": [data],
        "bench_chain": [data],
        "bench_costs": [data],
        "bench_music": songs,
        "bench_generate": ["--real", data, "--", *(untouched or [*examples, *songs])],
    }
    scripts = [path.stem for path in sorted((ROOT / "tests" / "benchmarks").glob("[a-z]*.py"))]
    scripts.remove("check_blender")  # runs under an interpreter of its own
    for name in session.posargs or scripts:
        if name in arguments and not data:
            session.warn(f"{name} left out: set IDANCE_DATA to the folder of recordings and songs")
            continue
        session.run("python", "-m", f"tests.benchmarks.{name}", *arguments.get(name, []))


@nox.session(venv_backend="none")
def readme(session: nox.Session) -> None:
    """Write the help texts of all commands into README.md; a test compares them."""
    session.run("python", "-m", "tests.readme")
