"""What a model is made of, where it comes from and what its licence asks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from infinitedance_cli.errors import UsageError


@dataclass(frozen=True)
class ModelFile:
    """One file: its `name` in the model's folder, its SHA-256 and size in bytes, and what it is called where it comes
    from (`member`: in the wheel, the archive or the repository; `name` where it is empty).

    A file of a `HubRepository` may leave `sha256` empty and `size` approximate, where nobody has published them: then
    it has to be what the hub says of it. A tar archive there is unpacked into the folder `unpack`, to about `unpacked`
    bytes, and not kept.
    """

    name: str
    sha256: str
    size: int
    member: str = ""
    # Not part of the repr: models that lie in caches under a key made of it stay valid.
    unpack: str = field(default="", repr=False)
    unpacked: int = field(default=0, repr=False)

    @property
    def source_name(self) -> str:
        """What the file is called where it comes from."""
        return self.member or self.name


@dataclass(frozen=True)
class Licence:
    """The licence of a model: its `name`, where its text is, and in one sentence what it asks of a user.

    `must_accept` is for licences that bind whoever downloads: they are accepted once, by a person.
    """

    name: str
    url: str
    terms: str
    must_accept: bool = False


@dataclass(frozen=True)
class Wheel:
    """A wheel on the Python package index that the user's pip is set to: `requirement` like "name==1.0", for one Python
    `version` and `platform`, whatever this machine is; `size` is the download's, in bytes."""

    requirement: str
    python: str
    platform: str
    size: int

    def __str__(self) -> str:
        return f"{self.requirement} from the Python package index"


@dataclass(frozen=True)
class HubRepository:
    """A repository on Hugging Face. The `revision` is a commit, or a branch: which commit a branch means is found out
    once, at the first download, and kept."""

    repository: str
    revision: str

    def __str__(self) -> str:
        return f"huggingface.co/{self.repository} at {self.revision[:12]}"


@dataclass(frozen=True)
class Download:
    """A file at an address; the model is this one file."""

    url: str

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True)
class UserFolder:
    """A model that nobody may pass on: the user gets it (`instructions` say how) and hands it over by `--from`."""

    instructions: str

    def __str__(self) -> str:
        return "your own copy"


Origin = Wheel | HubRepository | Download | UserFolder


@dataclass(frozen=True)
class ModelSource:
    """A model: its `name`, what it is for (one line), its files, licence and origin.

    `convert`, "module:function", turns what was fetched into what is kept: it is called with the folder of the files
    and an empty folder to write to, returns the folders that what it wrote refers to, if any, and raises BadInput where
    a file is not what it claims to be. The files of a model from a `UserFolder` may be left open: then `convert` says
    what is accepted.

    With `in_place` a user's folder is read where it is, whatever its files' hashes, and stays; for models too large to
    be copied first, and those that people train themselves. What is downloaded instead lies beside the model, where
    nothing is left but the folders that `convert` returns.
    """

    name: str
    purpose: str
    files: tuple[ModelFile, ...]
    licence: Licence
    origin: Origin
    convert: str = ""
    in_place: bool = False

    def at(self, revision: str) -> ModelSource:
        """The same from another revision of its repository, to which no hash is pinned. Raises UsageError where the
        model is not from a repository."""
        if not isinstance(self.origin, HubRepository):
            raise UsageError(f"the model '{self.name}' has no revisions: it is from {self.origin}")
        if revision == self.origin.revision:
            return self
        files = tuple(replace(file, sha256="") for file in self.files)
        return replace(self, files=files, origin=replace(self.origin, revision=revision))

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)

    @property
    def download_size(self) -> int:
        """Bytes that come over the network."""
        return self.origin.size if isinstance(self.origin, Wheel) else self.size
