"""The model that the authors of InfiniteDance have published."""

from infinitedance_cli.weights.source import Licence, ModelSource, UserFolder

SOURCE = ModelSource(
    name="infinitedance",
    purpose="the published model of the paper (idance generate --model infinitedance)",
    files=(),
    licence=Licence(
        name="InfiniteDance Non-Commercial Research License",
        url="https://github.com/MotrixLab/InfiniteDance/blob/main/LICENSE",
        terms="academic research, education and evaluation only; no commercial use, internal research included",
        must_accept=True,
    ),
    origin=UserFolder(
        "download huggingface.co/huuuuuuuuu/InfiniteDance into a folder and unpack its motion features (8.7 GB) and "
        "tokens as its README says; keep the folder, dances are read from it"
    ),
    convert="infinitedance_cli.models.released.bundle:convert_release",
    in_place=True,
)
