"""A person's track becomes a clip."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput, StageFailed
from infinitedance_cli.stages.capture.fitting.camera import Pinhole, background_turns
from infinitedance_cli.stages.capture.fitting.evidence import Sight, gather, sight_of
from infinitedance_cli.stages.capture.fitting.finish import finish
from infinitedance_cli.stages.capture.fitting.floor import (
    LEVEL_PITCH,
    Floor,
    Standing,
    anchored,
    find_standing,
    first_floor,
    levelled,
)
from infinitedance_cli.stages.capture.fitting.gaps import seen_frames
from infinitedance_cli.stages.capture.fitting.options import FittingOptions
from infinitedance_cli.stages.capture.fitting.pose_model import Jacobian
from infinitedance_cli.stages.capture.fitting.result import Fitted
from infinitedance_cli.stages.capture.fitting.sides import mend_sides
from infinitedance_cli.stages.capture.fitting.solver import SharedPrior, State, step
from infinitedance_cli.stages.capture.fitting.start import first_pose, first_scales, held_size, size_precision
from infinitedance_cli.stages.capture.track import PersonTrack

FloatArray = NDArray[np.floating]

_FOCAL_SPREAD = 0.12
_SCALE_TRUST = 4.0
"""How much more the lengths are held than by what people are like alone: the world landmarks were used already."""
_LOOK_AGAIN = 2


def fit(track: PersonTrack, clip_id: str, options: FittingOptions | None = None) -> Fitted:
    """The motion in the world of the person whom `track` saw.

    Whole-clip robust least squares: the skeleton's landmarks fall on the picture's, its bones point as the world
    landmarks do, accelerations are few, feet that stand stay on one floor. Bone lengths are constant. Frames in which
    the person was not seen are filled; cut long gaps out first, with `split_track`.

    Raises BadInput when arrays disagree, StageFailed when the person is seen in no frame.
    """
    options = FittingOptions() if options is None else options
    _check(track)
    track = mend_sides(track)
    sight = sight_of(track)
    centre = 0.5 * np.array([track.width, track.height], dtype=np.float64)
    focal = options.focal_px or options.focal_ratio * max(track.width, track.height)
    turns = background_turns(options.background, len(track.box), focal, centre)
    state = _begin(sight, Pinhole(focal, centre, turns), options)
    prior = SharedPrior(
        state.person.scales.copy(),
        size_precision() * _SCALE_TRUST + held_size(),
        focal,
        0.0 if options.focal_px else _FOCAL_SPREAD,
        state.floor,
    )
    standing = _solve(state, sight, prior, options, track.fps)
    return finish(track, clip_id, state, standing, sight, options)


def _check(track: PersonTrack) -> None:
    frames = len(track.box)
    shapes = {
        "body_image": (frames, 33, 2),
        "body_world": (frames, 33, 3),
        "hand_world": (frames, 2, 21, 3),
        "face_image": (frames, 468, 3),
    }
    for name, shape in shapes.items():
        if getattr(track, name).shape != shape:
            raise BadInput(f"track: {name} has shape {getattr(track, name).shape}; expected {shape}")
    if frames == 0 or not seen_frames(track).any():
        raise StageFailed(f"the person is seen in none of {frames} frames, so there is nothing to fit a body to")


def _begin(sight: Sight, camera: Pinhole, options: FittingOptions) -> State:
    person = first_pose(sight, camera, first_scales(sight, options.height_m))
    level = np.array([0.0, np.cos(LEVEL_PITCH), -np.sin(LEVEL_PITCH)])
    return State(person, camera, Floor(level, 0.0))


def _solve(state: State, sight: Sight, prior: SharedPrior, options: FittingOptions, fps: float) -> Standing:
    """Moves `state` to the fit: poses first, then poses, floor and focal length together."""
    jacobian, noise = Jacobian(state.person.points), options.noise
    held = replace(prior, focal_spread=0.0)
    evidence = gather(sight, state.camera, noise)
    for _ in range(options.rounds[0]):
        step(state, evidence, jacobian, held, None, fps, noise)
    state.floor = first_floor(state.person) if options.gravity else _level(state)
    prior = replace(prior, floor=state.floor)
    standing = find_standing(state.person, state.camera, sight, state.floor, fps, 4 * noise.floor)
    for number in range(options.rounds[1]):
        if number and number % _LOOK_AGAIN == 0:
            turns = background_turns(options.background, len(sight.size), state.camera.focal, state.camera.centre)
            state.camera = replace(state.camera, turns=turns)
            evidence = gather(sight, state.camera, noise)
            spread = noise.floor * (2 if number < options.rounds[1] // 2 else 1)
            if options.gravity:
                state.floor = levelled(state.floor, prior.floor, standing)
            standing = find_standing(state.person, state.camera, sight, state.floor, fps, spread)
        standing = anchored(standing, state.person, state.floor)
        step(state, evidence, jacobian, prior, standing, fps, noise)
    return standing


def _level(state: State) -> Floor:
    """A floor across the camera's own up axis, at the height of the feet."""
    found = first_floor(state.person)
    up = np.array([0.0, 1.0, 0.0])
    shift = state.person.root.mean(axis=0) @ (up - found.up)
    return Floor(up, found.height + float(shift))
