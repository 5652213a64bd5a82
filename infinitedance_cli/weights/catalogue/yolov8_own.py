"""A YOLOv8 of the user's own: a larger one, or one trained on dancers."""

from infinitedance_cli.weights.catalogue.yolov8 import AGPL, CONVERT
from infinitedance_cli.weights.source import ModelSource, UserFolder

SOURCE = ModelSource(
    name="yolov8-own",
    purpose="any YOLOv8 checkpoint that finds people, used instead of yolov8",
    files=(),
    licence=AGPL,
    origin=UserFolder("take a checkpoint such as yolov8x.pt, or train one with ultralytics"),
    convert=CONVERT,
)
