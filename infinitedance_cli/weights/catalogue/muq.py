"""MuQ, which the published InfiniteDance model hears music through."""

from infinitedance_cli.weights.source import HubRepository, Licence, ModelFile, ModelSource

SOURCE = ModelSource(
    name="muq",
    purpose="the music encoder of --model infinitedance (328.9 M parameters)",
    # Sizes and hashes as several independent projects have published them for this commit.
    files=(
        ModelFile("config.json", "237335ee27d8fb951ce778701a12a79e06c51ae636dd786f97e45f51ce532543", 3_133),
        ModelFile(
            "model.safetensors", "273febab2be02872c37d2c37e48a9d6c52c1c9392f3eeeabd498efa281ccb7a6", 1_333_825_096
        ),
    ),
    licence=Licence(
        name="CC-BY-NC-4.0",
        url="https://creativecommons.org/licenses/by-nc/4.0",
        terms="non-commercial use only, with credit (the code of MuQ is MIT)",
        must_accept=True,
    ),
    origin=HubRepository("OpenMuQ/MuQ-large-msd-iter", "0562a57814f6f8bbd9fdea0a25921a2fce1a841a"),
    convert="infinitedance_cli.music.encoders.muq:convert",
    in_place=True,
)
