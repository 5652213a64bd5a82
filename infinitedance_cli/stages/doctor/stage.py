"""Look at this installation: interpreter, libraries, device, starter model, plug-ins, optional backends. No network."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from infinitedance_cli import __version__, plugins
from infinitedance_cli.errors import ConfigError, MissingResource, UsageError
from infinitedance_cli.stages.doctor.report import Finding, Report, Status
from infinitedance_cli.stream.worker_settings import configured_workers, worker_settings, workers_file

DISTRIBUTION = "infinitedance-cli"
STARTER = Path(__file__).parents[2] / "starter"


@dataclass(frozen=True)
class OptionalBackend:
    """A library that only some optional backend needs: its import name, what it is for, how to get it."""

    module: str
    distribution: str
    purpose: str
    remedy: str


OPTIONAL_BACKENDS: tuple[OptionalBackend, ...] = (
    OptionalBackend("mamba_ssm", "mamba-ssm", "faster Mamba experts on CUDA", "pip install 'infinitedance-cli[mamba]'"),
    OptionalBackend("smplx", "smplx", "the SMPL-X body", "pip install 'infinitedance-cli[smplx]'"),
    OptionalBackend("ultralytics", "ultralytics", "finding people in video", "pip install 'infinitedance-cli[yolo]'"),
    OptionalBackend("mujoco_warp", "mujoco-warp", "many simulations at once", "pip install 'infinitedance-cli[warp]'"),
    OptionalBackend("librosa", "librosa", "the published model", "pip install 'infinitedance-cli[infinitedance]'"),
    OptionalBackend("ray", "ray", "many inputs on a cluster", "pip install 'infinitedance-cli[cluster]'"),
    OptionalBackend("fsspec", "fsspec", "inputs at URLs", "pip install 'infinitedance-cli[cluster]'"),
    OptionalBackend("bpy", "bpy", "Blender as a library", "pip install bpy"),
)


def examine(starter: Path = STARTER, optional_backends: Iterable[OptionalBackend] = OPTIONAL_BACKENDS) -> Report:
    """Examine everything and return the findings. Nothing is changed, nothing is fetched."""
    return Report(
        (
            *_system(),
            *_libraries(),
            _device(),
            _ffmpeg(),
            _starter_model(starter),
            *_plugins(),
            *_workers(),
            *(_optional(backend) for backend in optional_backends),
            _egl(),
        )
    )


def _system() -> Iterator[Finding]:
    yield Finding("system", "idance", Status.OK, __version__)
    yield Finding("system", "python", Status.OK, f"{platform.python_version()} on {platform.system()}")
    yield Finding("system", "cpu", Status.OK, f"{os.cpu_count()} cores, {platform.machine()}")


def _libraries() -> Iterator[Finding]:
    """The libraries that a plain install brings, as the installed package itself declares them."""
    try:
        required = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        remedy = f"pip install {DISTRIBUTION}"
        yield Finding("libraries", DISTRIBUTION, Status.MISSING, "it runs from source and is not installed", remedy)
        return
    for requirement in required:
        if ";" in requirement:  # an extra, or for another platform
            continue
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        try:
            yield Finding("libraries", name, Status.OK, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding("libraries", name, Status.MISSING, "not installed", f"pip install '{requirement}'")


def _device() -> Finding:
    try:
        import torch
    except (ImportError, OSError) as error:
        remedy = "pip install --force-reinstall torch"
        return Finding("runtime", "device", Status.MISSING, f"torch cannot be loaded: {error}", remedy)
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        return Finding("runtime", "device", Status.OK, f"cuda: {', '.join(names)}")
    if torch.backends.mps.is_available():
        return Finding("runtime", "device", Status.OK, "mps")
    return Finding("runtime", "device", Status.OK, f"cpu, {torch.get_num_threads()} threads (torch sees no GPU)")


def _ffmpeg() -> Finding:
    try:
        import av
    except (ImportError, OSError) as error:
        remedy = "pip install --force-reinstall av"
        return Finding("runtime", "ffmpeg", Status.MISSING, f"PyAV cannot be loaded: {error}", remedy)
    libraries = {name: ".".join(map(str, version)) for name, version in sorted(av.library_versions.items())}
    shown = ", ".join(f"{name} {libraries[name]}" for name in ("libavcodec", "libavformat") if name in libraries)
    return Finding("runtime", "ffmpeg", Status.OK, shown)


def _starter_model(folder: Path) -> Finding:
    """The bundled model: its size and a hash over the names and bytes of all its files."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".py")
    files = [path for path in files if "__pycache__" not in path.parts]
    if not any(path.suffix == ".safetensors" for path in files):
        remedy = f"pip install --force-reinstall {DISTRIBUTION}"
        return Finding("runtime", "starter model", Status.MISSING, "no weights in this installation", remedy)
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    return Finding("runtime", "starter model", Status.OK, f"{megabytes:.1f} MB, sha256 {digest.hexdigest()[:16]}")


def _plugins() -> Iterator[Finding]:
    for kind in plugins.KINDS:
        section = f"plug-ins: {kind}"
        try:
            found = plugins.find(kind)
        except UsageError as error:
            yield Finding(section, kind, Status.BROKEN, str(error))
            continue
        for plugin in found.values():
            yield _tried(section, plugin)


def _tried(section: str, plugin: plugins.Plugin) -> Finding:
    try:
        plugins.load(plugin.kind, plugin.name)
    except MissingResource as error:
        return Finding(section, plugin.name, Status.BROKEN, str(error))
    return Finding(section, plugin.name, Status.OK, "" if plugin.package == DISTRIBUTION else f"from {plugin.package}")


def _workers() -> Iterator[Finding]:
    """The workers that the user's file names; whether their code runs is only known when they are started."""
    path = workers_file()
    try:
        names = configured_workers()
    except ConfigError as error:
        yield Finding("workers", path.name, Status.BROKEN, str(error))
        return
    for name in names:
        try:
            settings = worker_settings(name)
        except ConfigError as error:
            yield Finding("workers", name, Status.BROKEN, str(error))
            continue
        gone = [place for place in (settings.python, settings.repository, settings.checkpoints) if not _is_there(place)]
        if gone or not settings.python:
            detail = f"{gone[0]} does not exist" if gone else "no python is named"
            yield Finding("workers", name, Status.BROKEN, detail, f"correct it in {path}")
        else:
            yield Finding("workers", name, Status.OK, settings.python)


def _is_there(place: str) -> bool:
    return not place or Path(place).exists()


def _optional(backend: OptionalBackend) -> Finding:
    if find_spec(backend.module) is None:
        return Finding("optional", backend.module, Status.OPTIONAL, f"for {backend.purpose}", backend.remedy)
    try:
        version = metadata.version(backend.distribution)
    except metadata.PackageNotFoundError:
        version = "unknown version"
    return Finding("optional", backend.module, Status.OK, f"{version}, for {backend.purpose}")


def _egl() -> Finding:
    from ctypes.util import find_library

    library = find_library("EGL")
    if library is None:
        remedy = "install your system's EGL library (libegl1 on Debian and Ubuntu)"
        return Finding("optional", "EGL", Status.OPTIONAL, "for drawing without a display", remedy)
    return Finding("optional", "EGL", Status.OK, library)
