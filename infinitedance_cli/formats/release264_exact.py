"""264-d feature files as the release's own scripts make them, to mix or compare with theirs (`.release.264.npy`).

`.264.npy` holds the clip's own body. These files hold every dancer on HumanML3D's bone lengths, and the yaw velocity
has the wrong sign in frames where the heading crosses ±180°, both as in the release. They are read as any `.264.npy`.
"""

from __future__ import annotations

from typing import BinaryIO

from infinitedance_cli.formats import _features
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.features import RELEASE_264

EXTENSIONS = (".release.264.npy",)
READ_EXTENSIONS = ()
DESCRIPTION = "264-d features exactly as the InfiniteDance release extracts them"


def write(clip: MotionClip, file: BinaryIO) -> None:
    """The clip at 30 fps as features. Raises BadInput with fewer than two frames."""
    _features.write(clip, file, RELEASE_264, bit_compatible=True)
