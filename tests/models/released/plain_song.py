"""The release's way through a song written down a second time: lists, loops and one token after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Rules:
    """What the sampler is told; the defaults are those of the code, `script()` what `infer.sh` exports."""

    temperature: float = 0.8
    top_k: int = 15
    top_p: float = 0.95
    penalty: float = 1.15
    most: tuple[int, int, int] = (12, 20, 20)
    ngram: int = 4
    boost: float = 1.5

    @classmethod
    def script(cls) -> Rules:
        """The shell is what a user runs."""
        return cls(penalty=1.2, most=(8, 16, 16), ngram=5, boost=1.8)


def probabilities(logits: Sequence[float], history: list[int], slot: int, rules: Rules) -> dict[int, float]:
    """Probability of each of a slot's 512 codes that may be drawn; likeliest first. Temperature 0 is taken for 1."""
    temperature = rules.temperature or 1.0
    if slot == 0 and len(history) >= 6 and len(set(history[-6:])) <= 2:
        temperature *= rules.boost
    scaled = [value / temperature for value in logits]
    for code in set(history[-30:]):
        scaled[code] = scaled[code] / rules.penalty if scaled[code] > 0 else scaled[code] * rules.penalty
    recent = history[-(rules.most[slot] + 5) :]
    allowed = [code for code in range(len(scaled)) if rules.most[slot] == 999 or recent.count(code) < rules.most[slot]]
    if slot == 0 and len(history) >= rules.ngram - 1:
        ending = history[len(history) - rules.ngram + 1 :]
        runs = [history[at : at + rules.ngram] for at in range(len(history) - rules.ngram + 1)]
        allowed = [code for code in allowed if [*ending, code] not in runs]
    best = sorted(allowed, key=lambda code: -scaled[code])[: rules.top_k]
    powers = [math.exp(scaled[code] - scaled[best[0]]) for code in best]
    weights = [power / sum(powers) for power in powers]
    kept: dict[int, float] = {}
    for code, weight in zip(best, weights, strict=True):
        kept[code] = weight
        if sum(kept.values()) > rules.top_p:
            break
    total = sum(kept.values()) + 1e-10
    return {code: weight / total for code, weight in kept.items()}


def greedy_dance(
    logits_of: Callable[[int, list[int]], Sequence[float]], windows: int, opening: list[int], rules: Rules
) -> list[int]:
    """Codes of the song loop, flat: 60 given, 228 drawn, those from the 96th on kept after the first window.

    `logits_of` (window, codes of it so far) gives the logits of the next code's slot.
    """
    output: list[int] = []
    for window in range(windows):
        codes = list(opening[:60] if window == 0 else output[-96:][:60])
        histories: list[list[int]] = [[], [], []]
        for _ in range(228):
            slot = len(codes) % 3
            code = next(iter(probabilities(logits_of(window, codes), histories[slot], slot, rules)))
            histories[slot].append(code)
            codes.append(code)
        output += codes if window == 0 else codes[96:]
    return output


def window_count(frames: int) -> int:
    """Windows of a song of so many MuQ frames; shorter ones are repeated up to 320 first."""
    dance = math.floor(0.9 * max(frames, 320))
    return max(1, (dance - 288) // 192 + 1)


def music_of_window(rows: Array, window: int) -> Array:
    """MuQ rows (320, D) of a window."""
    if len(rows) < 320:
        rows = np.concatenate([rows] * math.ceil(320 / len(rows)))[:320]
    part = rows[192 * window * 10 // 9 : (192 * window + 288) * 10 // 9]
    while len(part) < 320:
        part = np.concatenate([part, part])[:320]
    return part


def queries(audio: Array) -> list[Array]:
    """Windows (384, 55) that a song is sought with: every 192 frames, until one reaches the end."""
    result = []
    for start in range(0, len(audio), 192):
        part = audio[start : start + 384]
        result.append(np.concatenate([part] * math.ceil(384 / len(part)))[:384])
        if start + 384 >= len(audio):
            break
    return result


def cached_names(
    embedding: Array, names: Sequence[str], embeddings: Array, style_of: Mapping[str, str], style: str
) -> list[str]:
    """The 20 dances of a style with the largest dot products."""
    found = [(float(vector @ embedding), name) for name, vector in zip(names, embeddings, strict=True)]
    own = [pair for pair in found if style_of[pair[1]] == style]
    return [name for _, name in sorted(own, key=lambda pair: -pair[0])[:20]]


def cache_index(window: int) -> int:
    """Which of the queries a window looks at: a step of 320 MuQ frames is taken for one of 192 audio frames."""
    return (192 * window * 10 // 9) // 320


def blend(names: Sequence[str], count: int, folder: Path, mean: Array, std: Array) -> Array:
    """The reference: segments of the first `count` names, z-scored, cropped to the shortest, weighted n … 1."""
    parts = []
    for name in names[:count]:
        clip, _, span = name.rpartition("@")
        start, end = (int(number) for number in span.split("_"))
        path = folder / f"{clip}.npy"
        if not path.exists():
            continue
        part = np.load(path).astype(float)[start:end]
        if len(part) >= end - start:
            parts.append((part - mean) / std)
    shortest = min(len(part) for part in parts)
    weights = range(len(parts), 0, -1)
    return sum(weight * part[:shortest] for weight, part in zip(weights, parts, strict=True)) / sum(weights)


def opening_tokens(names: Sequence[str], count: int, folder: Path) -> list[int] | None:
    """120 tokens, offset as in the vocabulary, of the first of `count` names that has them."""
    for name in names[:count]:
        clip, _, span = name.rpartition("@")
        path = folder / f"{clip}.npy"
        if not path.exists():
            continue
        first = round(int(span.split("_")[0]) / 96) * 72
        tokens = np.load(path)[first : first + 120].tolist()
        if len(tokens) == 120:
            return [t + 4096 + 512 * (at % 3) for at, t in enumerate(tokens)] if tokens[0] < 512 else tokens
    return None
