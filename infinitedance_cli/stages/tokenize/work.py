"""`tokenize` and `detokenize` as workers run them."""

from __future__ import annotations

from infinitedance_cli.engine.task import Work, one_by_one
from infinitedance_cli.models.bundle import load_part
from infinitedance_cli.models.device import pick_device, use_one_thread
from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.stages.tokenize.config import TokenizeConfig
from infinitedance_cli.stages.tokenize.stage import detokenize, tokenize


def open_tokenizer(config: TokenizeConfig) -> Work:
    """Motion to tokens. Raises as `load_part` and `pick_device`."""
    network = _network(config)
    return Work(one_by_one(lambda clips: tokenize(clips, network, config)))


def open_detokenizer(config: TokenizeConfig) -> Work:
    """Tokens to motion. Raises as `load_part` and `pick_device`."""
    network = _network(config)
    return Work(one_by_one(lambda clips: detokenize(clips, network, config)))


def _network(config: TokenizeConfig) -> Tokenizer:
    use_one_thread()
    return load_part(config.tokenizer, "tokenizer", Tokenizer, pick_device(config.device))
