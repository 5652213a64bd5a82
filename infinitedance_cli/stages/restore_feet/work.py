"""`restore_feet` as workers run it."""

from __future__ import annotations

from infinitedance_cli.engine.task import Work, one_by_one
from infinitedance_cli.models.checkpoint import load_model
from infinitedance_cli.models.device import pick_device, use_one_thread
from infinitedance_cli.models.foot_restorer import FootRestorer
from infinitedance_cli.stages.restore_feet.config import RestoreFeetConfig
from infinitedance_cli.stages.restore_feet.stage import restore_feet
from infinitedance_cli.stages.restore_feet.weights import weights_path


def open_stage(config: RestoreFeetConfig) -> Work:
    """The stage with its network. Raises as `weights_path`, `pick_device` and `load_model`."""
    use_one_thread()
    network = load_model(weights_path(config.model), FootRestorer, pick_device(config.device))
    return Work(one_by_one(lambda clips: restore_feet(clips, network, config)))
