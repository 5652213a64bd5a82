"""Pictures → shots → people → landmarks at a true 30 a second → body, each step ahead of the next."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import chain, groupby

import numpy as np

from infinitedance_cli.ahead import ahead
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.capture.annotations import KEYPOINTS, CameraPose, capture_group, keypoints
from infinitedance_cli.stages.capture.backend import CAPTURE, FPS
from infinitedance_cli.stages.capture.background import Background
from infinitedance_cli.stages.capture.config import CaptureConfig
from infinitedance_cli.stages.capture.fitting import Fitted, FittedCamera, FittingOptions, fit
from infinitedance_cli.stages.capture.landmarks import LandmarkReader
from infinitedance_cli.stages.capture.persons import Detect, PersonFollower, Sighting, follow_people
from infinitedance_cli.stages.capture.shots import split_shots
from infinitedance_cli.stages.capture.timeline import lay_grid, to_track, track_background
from infinitedance_cli.stages.capture.track import PersonTrack
from infinitedance_cli.stages.capture.video import TimedPicture

logger = logging.getLogger(__name__)

_WAITING = 2
"""Sightings that may wait for their fit, so that memory has a limit."""
_SHOULDERS, _HIPS = slice(11, 13), slice(23, 25)
_BODY_POINTS = (0, 7, 8, *range(11, 17), *range(23, 33))


class BlazePose:
    """The backend. One at a time may follow."""

    name = "blazepose"

    def __init__(self, config: CaptureConfig) -> None:
        self._reader = LandmarkReader(details=config.hands or config.face)
        self._detect = _detector(config, self._reader)

    def follow(self, pictures: Iterable[TimedPicture], config: CaptureConfig) -> Iterator[MotionClip]:
        """See `PictureBackend`. A body is fitted by another thread while the next person or shot is followed."""
        pool = ThreadPoolExecutor(1, "idance-fit")
        waiting: deque[Future[MotionClip | None]] = deque()
        try:
            for shot, seen, picture in self._sightings(pictures, config):
                waiting.append(pool.submit(_fitted, shot, seen, picture, config))
                while waiting and (len(waiting) > _WAITING or waiting[0].done()):
                    yield from _there(waiting.popleft())
            while waiting:
                yield from _there(waiting.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _sightings(
        self, pictures: Iterable[TimedPicture], config: CaptureConfig
    ) -> Iterator[tuple[int, Sighting, TimedPicture]]:
        """Shot, sighting, and a picture of the video, by which its size is known."""
        numbered = split_shots(ahead(pictures), config.shots)
        shot = short = 0
        for shot, members in groupby(numbered, key=lambda pair: pair[0]):
            of_shot = (picture for _, picture in members)
            first = next(of_shot)
            follower = PersonFollower(
                self._reader,
                self._detect,
                person=config.person,
                config=config.persons,
                gap_s=config.shots.longest_gap_s,
                longest_s=config.shots.longest_s,
            )
            background = Background() if config.camera == "moving" else None
            for seen in follow_people(chain([first], of_shot), follower, background):
                if seen.seconds + 1.5 / FPS > config.shots.shortest_s:
                    yield shot, seen, first
                else:
                    short += 1
            if background is not None and background.blind:
                logger.warning("shot %d: the background was too plain in %d pictures", shot + 1, background.blind)
        if short:
            logger.info(
                "%d times somebody was in sight for less than %g s, in %d shots: left out (--set shots.shortest_s=…)",
                short,
                config.shots.shortest_s,
                shot + 1,
            )


def _detector(config: CaptureConfig, reader: LandmarkReader) -> Detect:
    if config.detector == "blazepose":
        return reader.detect
    from infinitedance_cli import plugins

    detect: Detect = plugins.load("detector", config.detector).create().detect
    return detect


def _there(future: Future[MotionClip | None]) -> Iterator[MotionClip]:
    clip = future.result()
    if clip is not None:
        yield clip


def _fitted(shot: int, seen: Sighting, picture: TimedPicture, config: CaptureConfig) -> MotionClip | None:
    grid = lay_grid(seen.times_s)
    if grid is None:
        return None
    height, width = (round(side / picture.scale) for side in picture.pixels.shape[:2])
    track = to_track(seen, grid, width=width, height=height, scale=picture.scale)
    options = FittingOptions(
        focal_px=config.focal_px,
        height_m=config.fit.height_m,
        gravity=config.fit.gravity,
        lock_feet=config.fit.lock_feet,
        background=track_background(seen, grid, picture.scale),
    )
    fitted = fit(_wanted(track, config), f"shot{shot}-person{seen.number}", options)
    return annotated(fitted, track, shot=shot, person=seen.number)


def _wanted(track: PersonTrack, config: CaptureConfig) -> PersonTrack:
    """The track without hands or face where they are not wanted."""
    if not config.hands:
        nothing = np.full_like(track.hand_image, np.nan), np.full_like(track.hand_world, np.nan)
        track = replace(track, hand_image=nothing[0], hand_world=nothing[1], hand_score=np.zeros_like(track.hand_score))
    if not config.face:
        nothing_of_face = np.full_like(track.face_image, np.nan)
        track = replace(track, face_image=nothing_of_face, face_score=np.zeros_like(track.face_score))
    return track


def annotated(fitted: Fitted, track: PersonTrack, *, shot: int, person: int) -> MotionClip:
    """The clip of a fit with what was seen of the person."""
    error = fitted.reprojection_px[:, list(_BODY_POINTS)]
    figures: dict[str, float] = {}
    if np.isfinite(error).any():
        figures["reprojection_px"] = round(float(np.nanmean(error)), 3)
    figures["upside_down_share"] = round(_upside_down(track), 4)
    group = capture_group(
        first_frame=track.first_frame,
        keypoints2d=keypoints(track),
        bbox=track.box,
        confidence=fitted.confidence,
        camera=camera_pose(fitted.camera),
        keypoints=KEYPOINTS,
        shot=shot,
        person=person,
        focal_known=fitted.camera.focal_known,
        **figures,
    )
    return replace(fitted.clip, extra={**fitted.clip.extra, CAPTURE: group})


def camera_pose(camera: FittedCamera) -> CameraPose:
    """The camera as clips carry it: one pose for all frames where it stands still."""
    rotation = np.asarray(camera.rotation, np.float64)
    if np.abs(rotation - rotation[:1]).max() < 1e-6:
        rotation = rotation[:1]
    return CameraPose(camera.focal_px, camera.centre_px, rotation, -(rotation @ camera.position))


def _upside_down(track: PersonTrack) -> float:
    """Share of the frames in which the shoulders are lower in the picture than the hips."""
    shoulders, hips = (track.body_image[:, part, 1].mean(axis=1) for part in (_SHOULDERS, _HIPS))
    known = np.isfinite(shoulders) & np.isfinite(hips)
    return float((shoulders > hips)[known].mean()) if known.any() else 0.0
