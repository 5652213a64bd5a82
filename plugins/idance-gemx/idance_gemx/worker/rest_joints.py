"""Where the 77 joints of GEM-X's body model SOMA rest for one person: rest_joints.py IDENTITY.npz JOINTS.npy.

Runs in the folder of the checkout, under the interpreter of GEM-X's environment. IDENTITY.npz holds `identity_coeffs`
(C,) and `scale_params` (S,); JOINTS.npy gets (77, 3) metres.
"""

from __future__ import annotations

import sys

import numpy as np


def main() -> None:
    """The joints of the body without any pose."""
    sys.path.insert(0, ".")
    import torch
    from gem.utils.soma_utils.soma_layer import SomaLayer

    with np.load(sys.argv[1]) as data:
        identity, scale = (torch.from_numpy(data[name][None]).float() for name in ("identity_coeffs", "scale_params"))
    layer = SomaLayer(
        data_root="inputs/soma_assets", low_lod=True, device="cpu", identity_model_type="mhr", mode="warp"
    )
    with torch.no_grad():
        joints = layer.get_skeleton(identity, scale)[0]
    np.save(sys.argv[2], joints.cpu().numpy())


if __name__ == "__main__":
    main()
