"""The files of a repository on Hugging Face, at one commit.

Which commit a branch means, and what the hub says of every file there (size; SHA-256, or git's SHA-1 of small files),
is written down before the first byte is fetched: whatever breaks off goes on with the same commit, wherever the branch
has gone in between. Every file is checked against what was written down, or what this version of idance is pinned to.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from infinitedance_cli.errors import BadInput
from infinitedance_cli.weights import room, verify
from infinitedance_cli.weights.source import HubRepository, ModelFile, ModelSource
from infinitedance_cli.weights.transfer import Unreachable, following_bar, one_line
from infinitedance_cli.weights.unpack import unpack

_NOTES = ".cache"
"""The folder, in the target, of what is known of a download and of files that have come in part."""

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class _Listed:
    """What the hub says of a file: `size` in bytes and `sha256`, or git's SHA-1 in `blob` where it is kept in git."""

    size: int
    sha256: str = ""
    blob: str = ""

    @property
    def key(self) -> str:
        """A name that changes with the content."""
        return self.sha256 or self.blob


@dataclass
class _Download:
    """What is known of a download: the revision that was `asked` for, the `commit` it means, `files` by their names
    there, and the SHA-256 of those that are `done`: here, checked and, where they are archives, unpacked."""

    asked: str
    commit: str
    files: dict[str, _Listed]
    done: dict[str, str] = field(default_factory=dict)

    def save(self, target: Path) -> None:
        path = target / _NOTES / "idance-download.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(asdict(self), indent=2) + "\n")
        temporary.replace(path)


def fetch(source: ModelSource, repository: HubRepository, target: Path) -> dict[str, Any]:
    """Bring the files of a model into the `target` folder, going on where an earlier call stopped.

    Returns:
        `asked` and `revision`, the commit that it means, and `sha256` of each file by its name in the repository.

    Raises:
        Unreachable: there is no connection, or no such repository, revision or file.
        StageFailed: there is no room on the disk.
        BadInput: what came is not what the hub or this version of idance says it is; it is deleted.
    """
    download = _begin(source, repository, target)
    missing = [file for file in source.files if not _is_done(download, file, target)]
    room.require_room(_needed(source, download, missing, target), target, f"the model '{source.name}'")
    for file in missing:
        _one(repository, download, file, target)
    shutil.rmtree(target / _NOTES / "parts", ignore_errors=True)
    return {"asked": download.asked, "revision": download.commit, "sha256": download.done}


def tidy(target: Path) -> None:
    """Delete what `fetch` notes in the target folder; without it, what was fetched is fetched again."""
    shutil.rmtree(target / _NOTES, ignore_errors=True)


def _begin(source: ModelSource, repository: HubRepository, target: Path) -> _Download:
    """What an earlier call has noted, if it was for the same revision; else what the hub says now."""
    earlier = _noted(target)
    wanted = {file.source_name for file in source.files}
    if earlier is not None and earlier.asked == repository.revision and wanted <= earlier.files.keys():
        return earlier
    if _COMMIT.fullmatch(repository.revision) and all(file.sha256 for file in source.files):
        pinned = {file.source_name: _Listed(file.size, file.sha256) for file in source.files}
        download = _Download(repository.revision, repository.revision, pinned)
    else:
        download = _listing(source, repository)
    if earlier is not None:
        same = {name for name in download.files if earlier.files.get(name) == download.files[name]}
        download.done = {name: sha256 for name, sha256 in earlier.done.items() if name in same}
    download.save(target)
    return download


def _noted(target: Path) -> _Download | None:
    try:
        noted = json.loads((target / _NOTES / "idance-download.json").read_text())
        return _Download(**{**noted, "files": {name: _Listed(**file) for name, file in noted["files"].items()}})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _listing(source: ModelSource, repository: HubRepository) -> _Download:
    """Ask the hub which commit the revision means, and for the files there."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        found = HfApi(endpoint=_endpoint()).model_info(
            repository.repository, revision=repository.revision, files_metadata=True, timeout=30.0
        )
        commit, siblings = str(found.sha), found.siblings or []
        listed = {each.rfilename: _listed(each) for each in siblings}
    except RevisionNotFoundError as error:
        raise Unreachable(f"the hub knows no revision {repository.revision!r} of it") from error
    except RepositoryNotFoundError as error:
        raise Unreachable("the hub knows no such repository, or it is not open to everybody") from error
    except _hub_errors() as error:
        raise Unreachable(_reason(error)) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreachable(f"what answers is not the hub ({_reason(error)})") from error
    absent = [file.source_name for file in source.files if file.source_name not in listed]
    if absent:
        raise Unreachable(
            f"at {commit[:12]} it has no {', '.join(absent)}; another revision may: give it by --revision"
        )
    return _Download(repository.revision, commit, {file.source_name: listed[file.source_name] for file in source.files})


def _listed(sibling: Any) -> _Listed:
    return _Listed(int(sibling.size), sibling.lfs.sha256 if sibling.lfs else "", "" if sibling.lfs else sibling.blob_id)


def _is_done(download: _Download, file: ModelFile, target: Path) -> bool:
    if file.source_name not in download.done:
        return False
    path = target / file.name
    return bool(file.unpack) or (path.is_file() and path.stat().st_size == download.files[file.source_name].size)


def _needed(source: ModelSource, download: _Download, missing: list[ModelFile], target: Path) -> int:
    """Bytes that are still to come: from the hub, out of archives, and, about as large as the files, converted."""
    total = 0
    for file in missing:
        part, size = _part(download, file, target), download.files[file.source_name].size
        total += size - (part.stat().st_size if part.exists() else 0) + file.unpacked
    if source.convert:
        total += sum(download.files[file.source_name].size for file in source.files if not file.unpack)
    return total


def _one(repository: HubRepository, download: _Download, file: ModelFile, target: Path) -> None:
    """Fetch a file, check it, unpack it and note that it is done."""
    path, listed, name = target / file.name, download.files[file.source_name], file.source_name
    at = replace(repository, revision=download.commit)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not (path.is_file() and path.stat().st_size == listed.size):
        _bring(at, name, _part(download, file, target), path, listed.size)
    expected = replace(file, size=listed.size, sha256=listed.sha256)
    try:
        if listed.sha256:
            verify.check(path, expected, str(at))
            sha256 = listed.sha256
        else:
            verify.check_blob(path, expected, listed.blob, str(at))
            sha256 = verify.digest(path)
    except BadInput:
        path.unlink()
        raise
    if file.unpack:
        unpack(path, target / file.unpack)
        path.unlink()
    download.done[name] = sha256
    download.save(target)


def _part(download: _Download, file: ModelFile, target: Path) -> Path:
    """Where a file grows: named by its content, so that what another commit has of it is not continued."""
    return target / _NOTES / "parts" / download.files[file.source_name].key[:40]


def _bring(at: HubRepository, name: str, part: Path, path: Path, size: int) -> None:
    """One file, going on where an earlier download broke off.

    Not by `hf_hub_download`: recent versions delete what has come when a download breaks off.
    """
    from huggingface_hub import hf_hub_url
    from huggingface_hub.errors import GatedRepoError
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers, logging  # type: ignore[attr-defined]
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    logging.set_verbosity_error()  # it would announce each of its attempts
    part.parent.mkdir(parents=True, exist_ok=True)
    if part.exists() and part.stat().st_size > size:
        part.unlink()
    url = hf_hub_url(at.repository, name, revision=at.revision, endpoint=_endpoint())
    try:
        with part.open("ab") as file, following_bar(path.name, size, lambda: part.stat().st_size):
            http_get(url, file, resume_size=file.tell(), expected_size=size, headers=build_hf_headers())
    except GatedRepoError as error:
        raise Unreachable(
            "its owners want you to accept their terms on its page first; do so, then run: hf auth login"
        ) from error
    except _hub_errors() as error:
        raise Unreachable(f"{name}: {_reason(error)}; run it again to go on") from error
    except OSError as error:
        if error.errno is not None:  # of the disk
            raise
        part.unlink()
        raise Unreachable(f"{name}: {_reason(error)}; run it again") from error
    part.rename(path)


def _hub_errors() -> tuple[type[Exception], ...]:
    """What the hub's client raises when it has no connection or no such file. Which HTTP library it is built on changes
    with its version; the base error of that library is the base of the client's own."""
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    http = [base for base in HfHubHTTPError.__bases__ if issubclass(base, Exception) and base is not OSError]
    return (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, *http)


def _reason(error: BaseException) -> str:
    """The first sentence; the client's messages go on with addresses and advice for programmers."""
    first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return one_line(Exception(re.sub(r" ?\(Request ID:[^)]*\)| for url:? .*", "", first)))


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT") or None
