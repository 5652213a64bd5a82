"""What `--protocol release` sets, and what is set beside it."""

from __future__ import annotations

from dataclasses import replace

from infinitedance_cli.config import from_dict, resolve, to_dict
from infinitedance_cli.models.released.sampling_config import ReleasedSampling
from infinitedance_cli.stages.generate.config import GenerateConfig
from infinitedance_cli.stages.generate.released_config import ReleasedConfig


def test_the_protocol_has_all_of_the_releases_ways() -> None:
    for config in (resolve(GenerateConfig, options={"protocol": "release"}), GenerateConfig(protocol="release")):
        assert config.released_settings == ReleasedConfig.release()
    assert GenerateConfig().released_settings == ReleasedConfig()


def test_what_is_set_beside_the_protocol_counts() -> None:
    config = resolve(
        GenerateConfig,
        overrides=["released.whole_song=true", "released.sampling.penalty=1.15"],
        options={"protocol": "release", "released.sampling.temperature": 0.0},
    )
    sampling = replace(ReleasedSampling.release(), temperature=0.0, penalty=1.15)
    assert config.released_settings == replace(ReleasedConfig.release(), whole_song=True, sampling=sampling)
    assert from_dict(GenerateConfig, to_dict(config)) == config  # and is the same when it is read back


def test_without_the_protocol_a_mend_is_one_switch() -> None:
    config = resolve(GenerateConfig, overrides=["released.seamless=false"])
    assert config.released_settings == replace(ReleasedConfig(), seamless=False)
