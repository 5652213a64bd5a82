"""Capture: how far fitted bodies are from the truth, on pictures of our own body and on real videos.

    python -m tests.benchmarks.bench_capture DATA [--frames 330]

- *rendered*: five recordings drawn by `idance render` with a camera that stands still. PA: each frame laid on the truth
  by rotation, size and place; root: laid on it by the pelvis only, in the world as it was found (so a floor that is
  askew counts); global: how far the pelvis is after 10 s when both begin at the same place. Focal length estimated.
  Recordings other than those on which `landmark_offsets.json` was measured, which were a salsa, a hype, a whirl, a
  J-pop and a casual dance.
- *four views*: `pose2sim_single_cam01` to `04`, each fitted alone with an estimated focal length, against the
  triangulation of the landmarks of all four by the cameras that the maker of the videos calibrated (Pose2Sim, BSD-3).
- *video*: `sports2d_demo.mp4`, each person in it: how far the landmarks of the body are from where they were seen.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.formats import bvh, g1
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.retarget import RetargetOptions, retarget
from infinitedance_cli.stages.capture.config import PersonsConfig
from infinitedance_cli.stages.capture.fitting import Fitted, FittingOptions, fit, split_track
from infinitedance_cli.stages.capture.fitting.points import BODY_POINTS
from infinitedance_cli.stages.capture.fitting.sides import mend_sides
from infinitedance_cli.stages.capture.landmarks import LandmarkReader
from infinitedance_cli.stages.capture.persons import PersonFollower
from infinitedance_cli.stages.capture.timeline import lay_grid, to_track
from infinitedance_cli.stages.capture.track import PersonTrack
from infinitedance_cli.stages.capture.video import TimedPicture
from tests.benchmarks._lenses import LENSES

Array = NDArray[np.floating]
Pixels = NDArray[np.uint8]

RECORDINGS = {
    "g1_moves/dance__J_Dance4_Broadway.npz": (60, 38, 8),
    "g1_moves/dance__J_Dance17_Shuffle.npz": (30, 36, 10),
    "perfume/C_test.bvh": (150, 42, 6),
    "cmu_mocap/85_12.bvh": (60, 40, 8),
    "cmu_mocap/135_01.bvh": (30, 40, 8),
}
"""First frame at 30 a second, vertical field of view and pitch of the camera in degrees."""
SIZE = (1280, 720)
JOINTS = (11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)
"""BlazePose's landmarks of the joints: shoulders, elbows, wrists, hips, knees, ankles."""
_HIPS = [6, 7]


_CALIBRATED_WIDTH = 1088
_VIEWS_FPS = 60.0


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--frames", type=int, default=330)
    parser.add_argument("--only", choices=("rendered", "views", "video"))
    arguments = parser.parse_args()
    with LandmarkReader() as reader:
        if arguments.only in (None, "rendered"):
            rendered(arguments.data, arguments.frames, reader)
        if arguments.only in (None, "views"):
            four_views(arguments.data / "videos", reader)
        if arguments.only in (None, "video"):
            video(arguments.data / "videos" / "sports2d_demo.mp4", reader)


def rendered(data: Path, frames: int, reader: LandmarkReader) -> None:
    """The table of the recordings that are drawn and captured."""
    print(
        f"{'rendered':28s}{'PA':>6s}{'root':>6s}{'global':>8s}{'px':>6s}{'focal':>7s}{'up':>6s}"
        f"{'hits':>6s}{'jitter':>8s}{'truth':>7s}{'bones':>7s}{'frames/s':>10s}"
    )
    rows = []
    for name, (start, field_of_view, pitch) in RECORDINGS.items():
        clip = recording(data / name, start, frames)
        pictures, eye, axes, focal = drawn(clip, field_of_view, pitch)
        track = read_track(pictures, clip.fps, reader)[0]
        begin = time.process_time()
        result = fit(track, clip.clip_id)
        speed = clip.frames / (time.process_time() - begin)
        rows.append([*compare(result, clip, eye, axes), result.camera.focal_px / focal])
        pa, root, away, pixels, up, hits, ours, theirs, bones, ratio = rows[-1]
        print(
            f"{Path(name).stem:28s}{pa:6.0f}{root:6.0f}{away:8.0f}{pixels:6.1f}{ratio:7.2f}{up:6.1f}"
            f"{hits:6.2f}{ours:8.1f}{theirs:7.1f}{bones:7.3f}{speed:10.0f}",
            flush=True,
        )
    mean = np.nanmean(np.array(rows), axis=0)
    print(f"{'mean (targets 60, 90, 250)':28s}{mean[0]:6.0f}{mean[1]:6.0f}{mean[2]:8.0f}{mean[3]:6.1f}\n")


def recording(path: Path, start: int, frames: int) -> MotionClip:
    """Some frames of a recording on our skeleton."""
    source = (g1 if path.suffix == ".npz" else bvh).read_source(path)
    clip = retarget(source, RetargetOptions(face_forward=False))
    part = slice(start, start + frames)
    return MotionClip(clip.clip_id, clip.skeleton, clip.fps, clip.root_position[part], clip.joint_rotation[part])


def drawn(clip: MotionClip, field_of_view: float, pitch: float) -> tuple[Iterator[Pixels], Array, Array, float]:
    """Pictures of a clip; where the camera is, its axes (rows right, up, backward) and its focal length in pixels."""
    from infinitedance_cli.stages.render.config import RenderConfig, ViewConfig
    from infinitedance_cli.stages.render.context import drawing_context
    from infinitedance_cli.stages.render.outputs.video import pictures
    from infinitedance_cli.stages.render.painter import Cell, Painter
    from infinitedance_cli.stages.render.take import prepare

    view = ViewConfig(camera="fixed", field_of_view=field_of_view, pitch=pitch)
    config = RenderConfig(size=SIZE, trail=False, view=view)
    take = prepare(clip, config, SIZE[0] / SIZE[1], 0, clip.fps)
    seen = take.path.view(0, SIZE[0] / SIZE[1])

    def draw() -> Iterator[Pixels]:
        with drawing_context() as context:
            painter = Painter(context, *SIZE)
            for picture in pictures(painter, [take], [Cell(0, 0, *SIZE)], config):
                yield np.ascontiguousarray(picture[..., :3])

    return draw(), seen.eye, seen.axes, float(SIZE[1] / 2 / np.tan(np.radians(field_of_view) / 2))


def read_track(
    pictures: Iterable[Pixels], fps: float, reader: LandmarkReader, person: str = "largest"
) -> list[PersonTrack]:
    """The tracks of the people in pictures, the longest first."""
    config = PersonsConfig()
    follower = PersonFollower(reader, reader.detect, person=person, config=config, gap_s=0.5, longest_s=600.0)
    sightings, width, height = [], 0, 0
    for number, picture in enumerate(pictures):
        height, width = picture.shape[:2]
        sightings += list(follower.add(TimedPicture(number / fps, picture)))
    sightings += list(follower.finish())
    tracks = []
    for each in sightings:
        grid = lay_grid(each.times_s, fps)
        if grid is not None:
            tracks.append(replace(to_track(each, grid, width=width, height=height, scale=1.0), fps=fps))
    return sorted(tracks, key=lambda track: -len(track.box))


def compare(result: Fitted, clip: MotionClip, eye: Array, axes: Array) -> list[float]:
    """PA, root-aligned and global errors in mm, reprojection px, tilt of the floor in degrees, share of wrist peaks
    kept, jitter (10 m/s³) of ours and of the truth, greatest change of a bone's length in mm."""
    back = axes[2]
    level = rotation.about_axis("y", np.array(-np.arctan2(back[0], back[2])))
    truth = rotation.rotate(level, clip.joint_positions()[:, :22].astype(float) - eye)
    ours = result.clip.joint_positions()[:, :22].astype(float) - result.camera.position
    truth = truth[: len(ours)]
    root = np.linalg.norm((ours - ours[:, :1]) - (truth - truth[:, :1]), axis=-1)
    path = (ours[:, 0] - ours[0, 0]) - (truth[:, 0] - truth[0, 0])
    after = min(300, len(path) - 1)
    up = np.degrees(np.arccos(np.clip((axes @ (0, 1, 0)) @ (_FLIP @ result.camera.rotation[0] @ (0, 1, 0)), -1, 1)))
    return [
        1000 * laid_upon(ours, truth).mean(),
        1000 * root.mean(),
        1000 * float(np.linalg.norm(path[after])),
        float(np.nanmean(result.reprojection_px[:, BODY_POINTS])),
        float(up),
        hits_kept(ours, truth),
        jitter(ours),
        jitter(truth),
        bone_change(result.clip),
    ]


_FLIP = np.diag([1.0, -1.0, -1.0])


def laid_upon(ours: Array, truth: Array) -> Array:
    """Distances (T, J) after the best rotation, size and place of each frame (Procrustes)."""
    ours, truth = (points - points.mean(axis=1, keepdims=True) for points in (ours, truth))
    left, size, right = np.linalg.svd(np.swapaxes(truth, 1, 2) @ ours)
    sign = np.linalg.det(left @ right)
    left[..., 2] *= sign[:, None]
    size[:, 2] *= sign
    scale = size.sum(axis=1) / (ours**2).sum(axis=(1, 2))
    return np.linalg.norm(scale[:, None, None] * ours @ np.swapaxes(left @ right, 1, 2) - truth, axis=-1)


def hits_kept(ours: Array, truth: Array) -> float:
    """Median ratio of wrist speed peaks (above twice the mean speed) to the truth's, relative to the pelvis."""
    ratios: list[float] = []
    for wrist in (20, 21):
        mine, fast = (np.linalg.norm(np.diff(each[:, wrist] - each[:, 0], axis=0), axis=-1) for each in (ours, truth))
        peak = (fast[1:-1] > fast[:-2]) & (fast[1:-1] >= fast[2:]) & (fast[1:-1] > 2 * fast.mean())
        ratios += [mine[max(at - 1, 0) : at + 2].max() / fast[at] for at in np.flatnonzero(peak) + 1]
    return float(np.median(ratios)) if ratios else float("nan")


def jitter(joints: Array) -> float:
    """Mean third difference, 10 m/s³ at 30 frames a second."""
    return float(np.linalg.norm(np.diff(joints, 3, axis=0), axis=-1).mean() * 30**3 / 10)


def bone_change(clip: MotionClip) -> float:
    """Millimetres by which the length of any bone changes within the clip."""
    joints = clip.joint_positions().astype(float)
    lengths = np.linalg.norm(joints[:, 1:] - joints[:, list(clip.skeleton.parents[1:])], axis=-1)
    return float(1000 * np.ptp(lengths, axis=0).max())


def four_views(folder: Path, reader: LandmarkReader) -> None:
    """The table of the calibrated views."""
    paths = [folder / f"pose2sim_single_cam0{number}.mp4" for number in (1, 2, 3, 4)]
    tracks = [read_track(decoded(path), _VIEWS_FPS, reader)[0] for path in paths]
    truth = triangulated([mend_sides(track) for track in tracks])
    errors, raw = [], []
    print(f"{'view':28s}{'root':>6s}{'world landmarks':>17s}{'px':>6s}")
    for path, track, lens in zip(paths, tracks, LENSES, strict=True):
        result = fit(track, path.stem)
        wanted = from_hips(truth @ lens.rotation.T)
        ours = from_hips(result.landmarks[:, JOINTS] @ result.camera.rotation[0].T)
        count = min(len(ours), len(wanted))
        errors.append(1000 * np.linalg.norm(ours[:count] - wanted[:count], axis=-1).mean())
        given = from_hips(mend_sides(track).body_world[:, JOINTS].astype(float))
        raw.append(1000 * np.nanmean(np.linalg.norm(given[:count] - wanted[:count], axis=-1)))
        pixels = float(np.nanmean(result.reprojection_px[:, BODY_POINTS]))
        print(f"{path.stem:28s}{errors[-1]:6.0f}{raw[-1]:17.0f}{pixels:6.1f}", flush=True)
    print(f"{'mean (target 70)':28s}{np.mean(errors):6.0f}{np.mean(raw):17.0f}\n")


def from_hips(points: Array) -> Array:
    """Points (T, 12, 3) relative to the middle of the hips."""
    return points - points[:, _HIPS].mean(axis=1, keepdims=True)


def decoded(path: Path) -> Iterator[Pixels]:
    """Every picture of a video."""
    import av

    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def triangulated(tracks: list[PersonTrack]) -> Array:
    """Landmarks `JOINTS` (T, 12, 3) in the calibrated world from all views; views that disagree count less."""
    frames = min(len(track.box) for track in tracks)
    pixels = np.stack([track.body_image[:frames, JOINTS] * (_CALIBRATED_WIDTH / track.width, 1) for track in tracks])
    trust = np.stack([track.body_visibility[:frames, JOINTS] for track in tracks]).reshape(len(tracks), -1)
    flat = pixels.reshape(len(tracks), -1, 2).astype(float)
    lenses = np.stack([lens.projection for lens in LENSES])
    weight = trust
    for _ in range(8):
        rows = flat[..., None] * lenses[:, None, 2:] - lenses[:, None, :2]
        rows = (rows * weight[..., None, None]).transpose(1, 0, 2, 3).reshape(flat.shape[1], -1, 4)
        solved = np.linalg.svd(rows)[2][:, -1]
        points = solved / solved[:, 3:]
        seen = points @ np.swapaxes(lenses, 1, 2)
        off = np.linalg.norm(seen[..., :2] / seen[..., 2:] - flat, axis=-1)
        weight = trust / (1 + (off / 10) ** 2)
    return points[:, :3].reshape(frames, len(JOINTS), 3)


def video(path: Path, reader: LandmarkReader) -> None:
    """The table of the people in a real video."""
    print(f"{path.stem:28s}{'frames':>8s}{'px':>6s}{'median':>8s}")
    for number, whole in enumerate(read_track(decoded(path), 30.0, reader, person="all"), start=1):
        for track in split_track(whole, shortest_s=1.0):
            result = fit(track, path.stem, FittingOptions())
            pixels = result.reprojection_px[:, BODY_POINTS]
            name = f"person {number} (target 12)"
            print(f"{name:28s}{len(pixels):8d}{np.nanmean(pixels):6.1f}{np.nanmedian(pixels):8.1f}", flush=True)


if __name__ == "__main__":
    main()
