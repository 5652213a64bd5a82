"""The foot restorer's recipe: undo what capture does to root and legs (Algorithm 1 of the paper's supplement)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from infinitedance_cli.models.checkpoint import save_model
from infinitedance_cli.models.foot_restorer import DAMAGES, FootRestorer, FootRestorerConfig
from infinitedance_cli.models.foot_restorer_damage import DamageRange, damage
from infinitedance_cli.models.foot_restorer_features import PARTS, encode, pelvis_in_heading
from infinitedance_cli.models.foot_restorer_losses import (
    FootRestorerWeights,
    Target,
    leg_positions,
    path_error,
    restoration_terms,
)
from infinitedance_cli.models.step_features import FPS
from infinitedance_cli.motion.contact import ROBUST, detect_contacts
from infinitedance_cli.motion.features.heading import pelvis_angles
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.motion.shaking import without_shaking
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, default_skeleton
from infinitedance_cli.stages.train.augment import AugmentConfig, Motion, augment
from infinitedance_cli.stages.train.batches import Pass
from infinitedance_cli.stages.train.library import Library

_STANDS = replace(ROBUST, speed=0.15)
"""A foot that stays in contact goes less than 0.9 cm a frame: it does not slide by the measure of foot sliding."""


@dataclass(frozen=True)
class FootRestorerRecipeConfig:
    """The network, what is damaged and how, augmentation, loss; `blind` share of windows without the observation.

    The share `short_share` of batches has windows of `short_window` frames, and as much more of them, so that clips
    of two seconds train too, every clip as often as any other. Augmentation leaves legs alone: bent or tilted bodies
    have feet that do not stand where they stand.
    """

    model: FootRestorerConfig = field(default_factory=FootRestorerConfig)
    damage: DamageRange = field(default_factory=DamageRange)
    augment: AugmentConfig = field(default_factory=lambda: AugmentConfig(bend=0.0, tilt=0.0))
    loss: FootRestorerWeights = field(default_factory=FootRestorerWeights)
    blind: float = 0.1
    short_window: int = 48
    short_share: float = 0.5


@dataclass(frozen=True)
class _Variant:
    """One augmented motion, with the frame angles (T,) and contacts (T, 4) of the whole of it."""

    motion: Motion
    angles: NDArray[np.float32]
    contact: NDArray[np.float32]

    @classmethod
    def of(cls, motion: Motion) -> _Variant:
        positions = forward_kinematics(default_skeleton(22), motion.root_position, motion.joint_rotation)[0]
        contact = detect_contacts(positions, FPS, _STANDS).planted.astype(np.float32)
        return cls(motion, pelvis_angles(motion.joint_rotation[:, 0]).astype(np.float32), contact)


class VariantPool:
    """Augmented variants, renewed little by little; those in use at a step are a pure function of (seed, step)."""

    def __init__(
        self, motions: Sequence[Motion], config: AugmentConfig, seed: int, window: int, renew_every: int = 250
    ) -> None:
        self.motions, self.config, self.seed, self.window = tuple(motions), config, seed, window
        self.renew_every = renew_every
        self._made: dict[int, list[_Variant]] = {}

    def variants(self, step: int) -> list[_Variant]:
        """The variants in use at a step: two passes over the motions."""
        alive = (step // self.renew_every, step // self.renew_every + 1)
        for number in set(self._made) - set(alive):
            del self._made[number]
        return [variant for number in alive for variant in self._generation(number)]

    def _generation(self, number: int) -> list[_Variant]:
        if number not in self._made:
            random = np.random.default_rng((self.seed, 1, number))
            made = (augment(motion, self.motions, self.config, random) for motion in self.motions)
            self._made[number] = [_Variant.of(motion) for motion in made if motion.frames >= self.window]
        return self._made[number]


def damaged_batch(
    variants: Sequence[_Variant],
    size: int,
    window: int,
    ranges: DamageRange,
    random: np.random.Generator,
    *,
    by_clip: bool = False,
) -> dict[str, NDArray[np.float32]]:
    """`size` windows of the variants, damaged at random and seen as at use, without their shaking: raw features before
    and after, and the rest of `Target`. Longer variants are drawn more often, or all alike `by_clip`.
    """
    variants = [variant for variant in variants if variant.motion.frames >= window]
    starts = np.array([variant.motion.frames - window + 1 for variant in variants])
    share = np.ones(len(variants)) if by_clip else starts.astype(float)
    chosen = random.choice(len(variants), size=size, p=share / share.sum())
    rows: dict[str, list[NDArray[np.float32]]] = {}
    flags = []
    for index in chosen:
        first = int(random.integers(starts[index]))
        cut = slice(first, first + window)
        motion = variants[index].motion
        artefacts = ranges.draw(random)
        flags.append((artefacts.skating > 0, artefacts.height != 0))
        clean = (motion.root_position[cut], motion.joint_rotation[cut])
        seen = without_shaking(default_skeleton(), *damage(*clean, artefacts, random, FPS), FPS)
        values = (*clean, *seen, variants[index].angles[cut])
        named = zip(("root", "turns", "damaged_root", "damaged_turns", "angles"), values, strict=True)
        for name, value in (*named, ("contact", variants[index].contact[cut])):
            rows.setdefault(name, []).append(value)
    whole = {name: np.stack(values) for name, values in rows.items()}
    return {
        "observed": _features(whole["damaged_root"], whole["damaged_turns"], whole["angles"]),
        "clean": _features(whole["root"], whole["turns"], whole["angles"]),
        "pelvis": pelvis_in_heading(whole["turns"][..., 0, :], whole["angles"]),
        "angles": whole["angles"],
        "contact": whole["contact"],
        "damaged": np.array(flags, dtype=np.float32),
        "shift": (whole["root"] - whole["damaged_root"])[..., [0, 2]],
    }


def _features(
    root: NDArray[np.float32], turns: NDArray[np.float32], angles: NDArray[np.float32]
) -> NDArray[np.float32]:
    positions = forward_kinematics(default_skeleton(BODY_JOINT_COUNT), root, turns)[0]
    return encode(positions, turns, angles)


class FootRestorerTraining(nn.Module):
    """The restorer with its loss, so that one forward call does a training step's work."""

    def __init__(self, restorer: FootRestorer, weights: FootRestorerWeights, blind: float) -> None:
        super().__init__()
        self.restorer, self.weights, self.blind = restorer, weights, blind

    def forward(self, observed: Tensor, clean: Tensor, **rest: Tensor) -> dict[str, Tensor]:
        """Losses of raw features (B, T, 259) as observed and as they should be; `rest` as in `Target`."""
        model = self.restorer
        seen_features, target = model.normalise(observed), Target(model.normalise(clean), **rest)
        truth = target.features[..., model.owned]
        step = torch.randint(model.config.diffusion_steps, (len(truth),), device=truth.device)
        seen = (torch.rand(len(truth), device=truth.device) >= self.blind).to(truth.dtype)
        noisy = model.noised(truth, torch.randn_like(truth), step)
        restored = model(seen_features, noisy, step, seen)
        terms = restoration_terms(model, restored, target, self.weights.epsilon)
        return {"loss": self.weights.weighted(terms), **terms}


class FootRestorerRecipe:
    """Trains `models.foot_restorer.FootRestorer`; see `loop.Recipe`."""

    name = "foot-restorer"
    key_figure = "leg_mm"

    def __init__(
        self, library: Library, config: FootRestorerRecipeConfig, seed: int, licences: Sequence[str] = ()
    ) -> None:
        self.library, self.config, self.seed, self.licences = library, config, seed, tuple(licences)
        self.pool = VariantPool(library.train, config.augment, seed, config.short_window)
        measured = [motion for motion in library.held_out if motion.frames >= config.short_window] or library.train[:1]
        self.measured = [_Variant.of(motion) for motion in measured]

    def build(self) -> nn.Module:
        """The restorer with its loss, z-scored by damaged windows of the first variants."""
        random = np.random.default_rng((self.seed, 3))
        variants = self.pool.variants(0)
        rows = damaged_batch(variants, 256, self.config.model.window, self.config.damage, random)["clean"]
        flat = rows.reshape(-1, rows.shape[-1])
        restorer = FootRestorer(self.config.model)
        deviation = torch.from_numpy(np.maximum(flat.std(axis=0), 5e-3))
        restorer.set_statistics(torch.from_numpy(flat.mean(axis=0)), deviation)
        return FootRestorerTraining(restorer, self.config.loss, self.config.blind)

    def batch(self, where: Pass) -> dict[str, Tensor]:
        """Damaged windows with their clean originals; see `FootRestorerTraining.forward`.

        Each process makes them all, as damage draws as many random numbers as a window happens to need.
        """
        random = np.random.default_rng((self.seed, 2, where.step, where.index))
        variants, window, size = self.pool.variants(where.step), self.config.model.window, where.size
        short = bool(random.random() < self.config.short_share)
        if short:
            size, window = max(1, size * window // self.config.short_window), self.config.short_window
        rows = damaged_batch(variants, size, window, self.config.damage, random, by_clip=short)
        own = replace(where, size=size).own
        return {name: torch.from_numpy(values[own]) for name, values in rows.items()}

    def evaluate(self, module: nn.Module) -> dict[str, float]:
        """Errors of held-out windows after one pass from pure noise, beside those of the damaged windows: the mean of
        long windows and of short ones, which all clips have a part in.

        `leg_mm` knees, ankles and feet in the world, mm; `height_mm` of the root; `contact` share of right contacts;
        `skating` and `height` shares of windows rightly told damaged so or not.
        """
        assert isinstance(module, FootRestorerTraining)
        longest = max(variant.motion.frames for variant in self.measured)
        long = self._measure(module.restorer, min(self.config.model.window, longest), by_clip=False)
        short = self._measure(module.restorer, self.config.short_window, by_clip=True)
        return {name: 0.5 * (value + short[name]) for name, value in long.items()}

    def _measure(self, model: FootRestorer, window: int, *, by_clip: bool) -> dict[str, float]:
        random = np.random.default_rng(7)
        rows = damaged_batch(self.measured, 96, window, self.config.damage, random, by_clip=by_clip)
        batch = {name: torch.from_numpy(values).to(model.mean.device) for name, values in rows.items()}
        observed, truth = model.normalise(batch["observed"]), model.normalise(batch["clean"])[..., model.owned]
        step = torch.full((len(truth),), model.config.diffusion_steps - 1, device=truth.device)
        restored = model(observed, torch.randn_like(truth), step, torch.ones_like(step, dtype=truth.dtype))
        before, after = (
            _leg_errors(model.owned_raw(owned), batch, model.owned_raw(truth))
            for owned in (observed[..., model.owned], restored.owned)
        )
        told = (restored.damaged.mean(1) > 0) == (batch["damaged"] > 0)
        return {
            "leg_mm": after[0],
            "leg_mm_damaged": before[0],
            "height_mm": after[1],
            "height_mm_damaged": before[1],
            "contact": float(((restored.contact > 0) == (batch["contact"] > 0)).float().mean()),
            **{name: float(share) for name, share in zip(DAMAGES, told.float().mean(0), strict=True)},
        }

    def export(self, module: nn.Module, folder: Path, details: Mapping[str, Any]) -> Path:
        """Write foot_restorer.safetensors, its matrices in half precision."""
        assert isinstance(module, FootRestorerTraining)
        provenance = {**details, "licences": list(self.licences)}
        return save_model(folder / "foot_restorer.safetensors", module.restorer, provenance=provenance, half=True)


def _leg_errors(owned: Tensor, batch: Mapping[str, Tensor], truth: Tensor) -> tuple[float, float]:
    """Mean error in mm of knees, ankles and feet in the world, and of the root's height; raw columns (B, T, 90)."""
    error = owned - truth
    legs, true_legs = (leg_positions(rows[..., PARTS["rotation"]], batch["pelvis"]) for rows in (owned, truth))
    path = path_error(error, batch["angles"], batch["shift"])
    height = error[..., PARTS["root"]][..., 2]
    # The path is told in the world, the legs in the heading frame; lengths add up all the same, as squares.
    flat = (legs - true_legs)[..., [0, 2]].square().sum(-1) + path.square().sum(-1)[..., None]
    upright = ((legs - true_legs)[..., 1] + height[..., None]).square()
    distance = (flat + upright).sqrt().mean()
    return float(distance) * 1000, float(height.abs().mean()) * 1000
