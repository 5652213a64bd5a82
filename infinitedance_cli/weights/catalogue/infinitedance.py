"""The model that the authors of InfiniteDance have published."""

from infinitedance_cli.weights.source import HubRepository, Licence, ModelFile, ModelSource

_CODE, _DATA = "All_LargeDanceAR", "InfiniteDanceData"


def _file(name: str, size: int, unpacked: int = 0) -> ModelFile:
    return ModelFile(name, "", size, unpack=f"{_DATA}/dance" if unpacked else "", unpacked=unpacked)


SOURCE = ModelSource(
    name="infinitedance",
    purpose="the published model of the paper (idance generate --model infinitedance)",
    # Their README states places and rounded sizes (in MiB and GiB, as the shapes of the networks show), and nobody has
    # published a hash. The archives hold 100 hours of features in float32 and of tokens in int64.
    files=(
        _file(f"{_CODE}/models/checkpoints/args.json", 2_000),
        _file(f"{_CODE}/models/checkpoints/dance_vqvae.pth", 614_000_000),
        _file(f"{_CODE}/models/retrievalnet/retrievalnet_audio55_motion264.ckpt", 74_400_000),
        _file(f"{_CODE}/output/exp_m2d_infinitedance/best_model_stage2.pt", 2_308_000_000),
        _file(f"{_DATA}/dance/alldata_new_joint_vecs264/meta/Mean.npy", 2_000),
        _file(f"{_DATA}/dance/alldata_new_joint_vecs264/meta/Std.npy", 2_000),
        _file(f"{_DATA}/dance/retrievalnet_motion_embeddings.npz", 63_000_000),
        _file(f"{_DATA}/styles/all_style_map.json", 500_000),
        _file(f"{_DATA}/Infinite_MotionTokens_512x1024_3layer_cleandata.tar.gz", 15_700_000, 70_000_000),
        _file(f"{_DATA}/alldata_new_joint_vecs264_ft_balanced.tar.gz", 9_340_000_000, 12_000_000_000),
    ),
    licence=Licence(
        name="InfiniteDance Non-Commercial Research License",
        url="https://github.com/MotrixLab/InfiniteDance/blob/main/LICENSE",
        terms="academic research, education and evaluation only; no commercial use, internal research included",
        must_accept=True,
    ),
    # No commit of it is known here: which one `main` means is found out at the first download, and kept.
    origin=HubRepository("huuuuuuuuu/InfiniteDance", "main"),
    convert="infinitedance_cli.models.released.bundle:convert_release",
    in_place=True,
)
