"""Landmarks of body, hands and face of the people in a picture, by the BlazePose models (see `reader`, `records`)."""

from infinitedance_cli.stages.capture.landmarks.reader import Following, LandmarkReader
from infinitedance_cli.stages.capture.landmarks.records import Detection, PersonLandmarks, Picture, Region

__all__ = ["Detection", "Following", "LandmarkReader", "PersonLandmarks", "Picture", "Region"]
