from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Gt

from infinitedance_cli.config import from_dict, parse_yaml, resolve, to_dict, to_yaml
from infinitedance_cli.errors import ConfigError


@dataclass(frozen=True)
class Sampling:
    top_k: Annotated[int, Gt(0)] = 30
    temperature: float = 0.85


@dataclass(frozen=True)
class Settings:
    sampling: Sampling = field(default_factory=Sampling)
    form: Literal["paper", "release"] = "paper"
    genre: str = "pop"
    widths: tuple[int, ...] = (64, 128)
    bands: tuple[Sampling, ...] = ()
    fallback: Sampling | None = None
    folder: Path | None = None

    def __post_init__(self) -> None:
        if self.form == "release" and not self.bands:
            raise ValueError("the release form needs bands")


def write(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text)
    return path


def test_each_source_overrules_the_ones_before_it(tmp_path: Path) -> None:
    file = write(tmp_path, "sampling: {top_k: 1, temperature: 0.1}\ngenre: file\nwidths: [1]\n")
    settings = resolve(
        Settings,
        file=file,
        overrides=["sampling.top_k=2", "genre=set"],
        options={"genre": "option", "sampling.temperature": None},
    )
    assert settings == Settings(sampling=Sampling(top_k=2, temperature=0.1), genre="option", widths=(1,))


def test_without_sources_the_defaults_hold() -> None:
    assert resolve(Settings) == Settings()


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert resolve(Settings, file=write(tmp_path, "# nothing yet\n")) == Settings()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1.5E+3", 1500.0),
        ("-.5", -0.5),
        (".inf", math.inf),
        ("010", 10),
        ("0x10", 16),
        ("0o10", 8),
        ("no", "no"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("'12'", "12"),
        ("true", True),
        ("~", None),
        ("", None),
        ("[1, 1e1]", [1, 10.0]),
    ],
)
def test_yaml_is_read_by_the_rules_of_version_1_2(text: str, value: Any) -> None:
    parsed = parse_yaml(text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sampling.topk=3", "sampling.topk (--set sampling.topk=3): there is no such setting; "
                            "did you mean 'sampling.top_k'?"),
        ("zzz=1", "zzz (--set zzz=1): there is no such setting; valid here: sampling, form, genre, widths, bands, "
                  "fallback, folder"),
        ("bands=[{top_k: 1}, {topk: 2}]", "bands.1.topk (--set bands=[{top_k: 1}, {topk: 2}]): there is no such "
                                          "setting; did you mean 'bands.1.top_k'?"),
        ("fallback.tempreature=1", "fallback.tempreature (--set fallback.tempreature=1): there is no such setting; "
                                   "did you mean 'fallback.temperature'?"),
        ("sampling.top_k=0", "sampling.top_k (--set sampling.top_k=0): found 0; Input should be greater than 0"),
        ("form=book", "form (--set form=book): found 'book'; Input should be 'paper' or 'release'"),
        ("sampling.top_k", "--set sampling.top_k: expected key=value, such as --set sampling.top_k=50"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_one_line_with_its_key_and_what_is_valid(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(Settings, overrides=[override])
    assert str(caught.value) == message


def test_a_wrong_value_in_a_file_names_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, "sampling:\n  top_k: many\n")
    with pytest.raises(ConfigError, match=r"^sampling.top_k \(.*settings.yaml\): found 'many'; "):
        resolve(Settings, file=file)


def test_checks_between_fields_are_configuration_errors() -> None:
    with pytest.raises(ConfigError, match="the release form needs bands"):
        resolve(Settings, overrides=["form=release"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("genre: a\ngenre: b\n", "the key 'genre' stands twice.*line 2"),
        ("genre: [a", "is not valid YAML.*line 1"),
        ("- 1\n", r"holds \[1\]; expected a mapping"),
    ],
)
def test_a_file_that_is_not_settings_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        resolve(Settings, file=write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="absent.yaml: No such file or directory"):
        resolve(Settings, file=tmp_path / "absent.yaml")


def test_yaml_tags_create_no_objects() -> None:
    with pytest.raises(ConfigError, match="could not determine a constructor"):
        parse_yaml("!!python/object/apply:os.system ['true']")


def test_what_print_config_shows_reads_back_as_the_same_config(tmp_path: Path) -> None:
    settings = Settings(
        sampling=Sampling(temperature=1e-05), genre="1e5", bands=(Sampling(1),), folder=Path("a b"), widths=()
    )
    assert resolve(Settings, file=write(tmp_path, to_yaml(settings))) == settings
    assert from_dict(Settings, to_dict(settings)) == settings


def test_the_plain_form_holds_only_what_json_knows() -> None:
    assert to_dict(Settings(folder=Path("out"))) == {
        "sampling": {"top_k": 30, "temperature": 0.85},
        "form": "paper",
        "genre": "pop",
        "widths": [64, 128],
        "bands": [],
        "fallback": None,
        "folder": "out",
    }


@dataclass(frozen=True)
class Style:
    slow: bool = False
    steps: int = 8
    sampling: Sampling = field(default_factory=Sampling)

    @staticmethod
    def presets(values: Mapping[str, Any]) -> dict[str, Any]:
        return {"steps": 99, "sampling": {"top_k": 1}} if values.get("slow") else {}


def test_presets_stand_under_what_is_set() -> None:
    assert resolve(Style) == Style()
    assert resolve(Style, options={"slow": True}).steps == 99
    given = resolve(Style, options={"slow": True}, overrides=["sampling.top_k=5"])
    assert (given.steps, given.sampling.top_k) == (99, 5)
    with pytest.raises(ConfigError, match=r"sampling\.top_k .*--set"):
        resolve(Style, options={"slow": True}, overrides=["sampling.top_k=many"])
