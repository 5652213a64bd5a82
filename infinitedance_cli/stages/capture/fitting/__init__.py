"""From the landmarks of a person to a skeleton that moves in the world.

`fit` finds, over a whole shot at once, one set of bone lengths, every joint's rotation, the camera and the floor, so
that the skeleton's landmarks fall on those that were seen. `split_track` cuts a track where the person was gone long.
"""

from infinitedance_cli.stages.capture.fitting.fit import fit
from infinitedance_cli.stages.capture.fitting.gaps import split_track
from infinitedance_cli.stages.capture.fitting.options import FittingOptions
from infinitedance_cli.stages.capture.fitting.result import Fitted, FittedCamera

__all__ = ["Fitted", "FittedCamera", "FittingOptions", "fit", "split_track"]
