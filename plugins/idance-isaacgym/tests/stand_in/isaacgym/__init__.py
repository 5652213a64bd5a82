"""As much of Isaac Gym's interface as the plug-in uses, after its documentation, with MuJoCo behind it."""

import sys

if "torch" in sys.modules:
    raise ImportError("PyTorch was imported before isaacgym modules.  Please import torch after isaacgym modules.")
