"""Robust least squares over a whole shot: Gauss–Newton with reweighting, banded in time, bordered by shared unknowns.

The unknowns of a frame meet those of others only through accelerations (two frames away), and all frames through the
few unknowns of the shot: bone lengths, focal length, floor. So one step costs time in proportion to the frames.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.capture.fitting.camera import Pinhole
from infinitedance_cli.stages.capture.fitting.evidence import Evidence
from infinitedance_cli.stages.capture.fitting.floor import Floor, Standing
from infinitedance_cli.stages.capture.fitting.normal import FLOOR, FOCAL, SCALES, Normal, assemble
from infinitedance_cli.stages.capture.fitting.options import Noise
from infinitedance_cli.stages.capture.fitting.pose_model import Jacobian, Person
from infinitedance_cli.stages.capture.fitting.priors import prior_pull
from infinitedance_cli.stages.capture.fitting.smoothness import Smoothness, smoothness_of

FloatArray = NDArray[np.floating]

_GREATEST_TURN, _GREATEST_MOVE, _GREATEST_SHARED = 0.4, 0.5, 0.1
_DAMPING = 1e-3
_HELD = 1e12


@dataclass(frozen=True)
class SharedPrior:
    """What was believed of the shot's unknowns at the start: `scales` (10,) and their precision (10, 10), the focal
    length in pixels and the spread of its logarithm (0: it is known), the floor that is expected from how cameras are
    held and people stand."""

    scales: FloatArray
    precision: FloatArray
    focal: float
    focal_spread: float
    floor: Floor


@dataclass
class State:
    """Where the fit is: the person, the camera, the floor."""

    person: Person
    camera: Pinhole
    floor: Floor


def step(
    state: State,
    evidence: Evidence,
    jacobian: Jacobian,
    prior: SharedPrior,
    standing: Standing | None,
    fps: float,
    noise: Noise,
) -> None:
    """One step of Gauss–Newton: moves `state`."""
    person = state.person
    normal = assemble(person, state.camera, evidence, jacobian, state.floor, standing)
    pull, curvature = prior_pull(person.local)
    diagonal = np.einsum("tii->ti", normal.frames)
    diagonal[:, 3:] += curvature
    diagonal += _DAMPING * diagonal + 1e-6
    normal.frame_gradient[:, 3:] += pull
    _add_shared_prior(normal, state, prior, standing is not None)
    smoothness = smoothness_of(person, fps, noise)
    if smoothness is not None:
        normal.frame_gradient += smoothness.gradient()
    change, shared = solve_bordered(normal, smoothness)
    change[:, :3] = np.clip(change[:, :3], -_GREATEST_MOVE, _GREATEST_MOVE)
    change[:, 3:] = np.clip(change[:, 3:], -_GREATEST_TURN, _GREATEST_TURN)
    shared = np.clip(shared, -_GREATEST_SHARED, _GREATEST_SHARED)
    person.scales = person.scales + shared[SCALES]
    person.step(change)
    state.camera = replace(state.camera, focal=state.camera.focal * float(np.exp(shared[FOCAL])))
    state.floor = state.floor.tilted(shared[FLOOR])


def _add_shared_prior(normal: Normal, state: State, prior: SharedPrior, with_floor: bool) -> None:
    """Adds what is believed of lengths, focal length and floor; what is known or not looked for is held."""
    normal.shared[SCALES, SCALES] += prior.precision
    normal.shared_gradient[SCALES] += prior.precision @ (state.person.scales - prior.scales)
    if prior.focal_spread > 0:
        normal.shared[FOCAL, FOCAL] += prior.focal_spread**-2.0
        normal.shared_gradient[FOCAL] += np.log(state.camera.focal / prior.focal) * prior.focal_spread**-2.0
    else:
        normal.shared[FOCAL, FOCAL] += _HELD
    floor = np.arange(FLOOR.start, FLOOR.stop)
    if not with_floor:
        normal.shared[floor, floor] += _HELD
        return
    normal.shared[floor[:2], floor[:2]] += _HELD
    normal.shared[floor[2], floor[2]] += 1e-3


def solve_bordered(normal: Normal, smoothness: Smoothness | None) -> tuple[FloatArray, FloatArray]:
    """Changes (T, P) of the frames and (S,) of the shot: the shared unknowns by Schur's complement."""
    from scipy.linalg import solveh_banded

    frames, size = normal.frame_gradient.shape
    band = _banded(normal.frames, smoothness)
    shared = normal.border.shape[-1]
    right = np.concatenate((normal.frame_gradient[..., None], normal.border), axis=-1).reshape(frames * size, -1)
    solved = solveh_banded(band, right, lower=True, overwrite_ab=True, overwrite_b=True, check_finite=False)
    border = normal.border.reshape(frames * size, shared)
    inner = normal.shared - border.T @ solved[:, 1:]
    change = np.linalg.solve(inner, border.T @ solved[:, 0] - normal.shared_gradient)
    return -(solved[:, 0] + solved[:, 1:] @ change).reshape(frames, size), change


def _banded(blocks: FloatArray, smoothness: Smoothness | None) -> FloatArray:
    """The matrix (2P + 1, T·P) in LAPACK's lower band form: dense blocks of frames, accelerations between them."""
    frames, size = blocks.shape[:2]
    band = np.zeros((2 * size + 1, frames, size))
    for below in range(size):
        band[below, :, : size - below] = np.diagonal(blocks, -below, axis1=1, axis2=2)
    if smoothness is not None:
        weight = smoothness.weight
        band[0, :-2] += weight
        band[0, 1:-1] += 4 * weight
        band[0, 2:] += weight
        band[size, :-2] -= 2 * weight
        band[size, 1:-1] -= 2 * weight
        band[2 * size, :-2] += weight
    return band.reshape(2 * size + 1, frames * size)
