"""The larger network of BlazePose for the landmarks of the body."""

from infinitedance_cli.weights.catalogue.blazepose import APACHE
from infinitedance_cli.weights.source import Download, ModelFile, ModelSource

SOURCE = ModelSource(
    name="blazepose-heavy",
    purpose="the larger body network of blazepose; three times slower, no closer on drawn dancers",
    files=(
        ModelFile(
            "pose_landmark_heavy.tflite",
            "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
            27_709_200,
        ),
    ),
    licence=APACHE,
    origin=Download("https://storage.googleapis.com/mediapipe-assets/pose_landmark_heavy.tflite"),
)
