"""YOLOv8n, the smallest of the detectors that the paper's pipeline begins with."""

from infinitedance_cli.weights.source import Download, Licence, ModelFile, ModelSource

AGPL = Licence(
    name="AGPL-3.0",
    url="https://www.gnu.org/licenses/agpl-3.0.html",
    terms="who passes it on or offers it over a network, alone or within a larger program, publishes that program's "
    "source under the same licence; ultralytics sells other terms",
)
CONVERT = "infinitedance_cli.stages.capture.detectors._yolo_checkpoint:convert"

SOURCE = ModelSource(
    name="yolov8",
    purpose="people in video (idance capture --detector yolo); needs pip install 'infinitedance-cli[yolo]'",
    files=(ModelFile("yolov8n.pt", "f59b3d833e2ff32e194b5bb8e08d211dc7c5bdf144b90d2c8412c47ccfc83b36", 6_549_796),),
    licence=AGPL,
    origin=Download("https://github.com/ultralytics/assets/releases/download/v8.3.0/yolov8n.pt"),
    convert=CONVERT,
)
