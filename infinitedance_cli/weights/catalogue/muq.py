"""MuQ, which the published InfiniteDance model hears music through."""

from infinitedance_cli.weights.source import Licence, ModelSource, UserFolder

SOURCE = ModelSource(
    name="muq",
    purpose="the music encoder of --model infinitedance (328.9 M parameters)",
    files=(),
    licence=Licence(
        name="CC-BY-NC-4.0",
        url="https://creativecommons.org/licenses/by-nc/4.0",
        terms="non-commercial use only, with credit (the code of MuQ is MIT)",
        must_accept=True,
    ),
    origin=UserFolder(
        "download config.json and model.safetensors (about 1.3 GB) of huggingface.co/OpenMuQ/MuQ-large-msd-iter "
        "into one folder"
    ),
)
