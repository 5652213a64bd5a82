"""Filters, room, ducking and the last stage: loudness and peaks."""

from __future__ import annotations

import numpy as np


def filtered(sound: np.ndarray, sample_rate: int, low_hz: float, high_hz: float) -> np.ndarray:
    """(N,) float32, what lies between two frequencies, with edges of one octave (raised cosine)."""
    spectrum = np.fft.rfft(sound)
    frequency = np.maximum(np.fft.rfftfreq(len(sound), 1 / sample_rate), 1e-3)
    below = np.clip(np.log2(frequency / low_hz) + 0.5, 0, 1)
    above = np.clip(np.log2(high_hz / frequency) + 0.5, 0, 1)
    gain = (0.5 - 0.5 * np.cos(np.pi * below)) * (0.5 - 0.5 * np.cos(np.pi * above))
    return np.fft.irfft(spectrum * gain, len(sound)).astype(np.float32)


def room_response(sample_rate: int, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """(n,) float32 impulse response of a room: noise that dies by 60 dB in `seconds`, darker with time."""
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    noise = rng.standard_normal(len(time)).astype(np.float32)
    dark = filtered(noise, sample_rate, 150, 2500)
    bright = filtered(noise, sample_rate, 2500, 8000)
    response = dark * np.exp(-6.9 * time / seconds) + bright * np.exp(-13.8 * time / seconds)
    response *= time > 0.012
    return (response / np.sqrt((response**2).sum() + 1e-12)).astype(np.float32)


def convolved(sound: np.ndarray, response: np.ndarray) -> np.ndarray:
    """(N,) float32, the first N samples of the convolution."""
    size = fast_length(len(sound) + len(response))
    wet = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)
    return wet[: len(sound)].astype(np.float32)


def fast_length(count: int) -> int:
    """The next length of the form 2**a * 3**b * 5**c with few threes and fives, quick to transform."""
    power = 1 << max(count - 1, 1).bit_length()
    options = [
        power * numerator // denominator for numerator, denominator in ((1, 1), (3, 4), (5, 8), (9, 16), (15, 16))
    ]
    return min(option for option in options if option >= count)


def ducked(sound: np.ndarray, times: np.ndarray, sample_rate: int, depth: float, recovery_s: float) -> np.ndarray:
    """Sound that gives way at each time (a kick) and comes back: side-chain compression."""
    if not len(times) or depth <= 0:
        return sound
    gain = np.ones(len(sound), np.float32)
    dip_time = np.arange(int(recovery_s * 2 * sample_rate)) / sample_rate
    dip = (1 - depth * np.exp(-dip_time / recovery_s * 2) * np.minimum(dip_time / 0.004, 1)).astype(np.float32)
    for time in times:
        begin = round(float(time) * sample_rate)
        if 0 <= begin < len(sound):
            end = min(begin + len(dip), len(sound))
            gain[begin:end] = np.minimum(gain[begin:end], dip[: end - begin])
    return sound * gain


def loudness_lufs(sound: np.ndarray, sample_rate: int) -> float:
    """Integrated loudness after ITU-R BS.1770-4: K-weighting, 400 ms blocks, absolute and relative gate.

    Args:
        sound: (N,) or (channels, N).
    """
    channels = np.atleast_2d(sound)
    size = channels.shape[1]
    weight = _k_weight(np.fft.rfftfreq(size, 1 / sample_rate))
    power = (np.fft.irfft(np.fft.rfft(channels) * weight, size) ** 2).sum(axis=0)
    if len(channels) == 1:
        power *= 2  # a mono file plays on both speakers
    block, hop = int(0.4 * sample_rate), int(0.1 * sample_rate)
    total = np.concatenate([[0.0], np.cumsum(power)])
    starts = np.arange(0, max(size - block, 0) + 1, hop)
    means = (total[np.minimum(starts + block, size)] - total[starts]) / min(block, size)
    means = means[means > 10 ** ((-70 + 0.691) / 10)]
    if not len(means):
        return -120.0
    means = means[means > means.mean() * 0.1]
    return float(-0.691 + 10 * np.log10(means.mean()))


def mastered(sound: np.ndarray, sample_rate: int, target_lufs: float = -14.0, ceiling: float = 0.89) -> np.ndarray:
    """Brings sound to a loudness with all peaks below `ceiling`: gain, then a look-ahead limiter.

    Args:
        sound: (N,) or (channels, N) float32.
    """
    result = sound
    for _ in range(3):
        change = target_lufs - loudness_lufs(result, sample_rate)
        if abs(change) < 0.2 or change > 60:
            break
        result = _limited(result * np.float32(10 ** (change / 20)), sample_rate, ceiling)
    return _limited(result, sample_rate, ceiling)


def _limited(sound: np.ndarray, sample_rate: int, ceiling: float) -> np.ndarray:
    """Gain that dips smoothly around every peak above the ceiling (2.5 ms blocks, some 60 ms to come back)."""
    channels = np.atleast_2d(sound)
    step = max(sample_rate // 400, 1)
    count = -(-channels.shape[1] // step)
    padded = np.pad(np.abs(channels).max(axis=0), (0, count * step - channels.shape[1]))
    peaks = padded.reshape(count, step).max(axis=1)
    wanted = np.log(np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9)))
    lowest = np.minimum(wanted, np.minimum(np.roll(wanted, 1), np.roll(wanted, -1)))
    for shift in (1, 2, 4, 8, 16):
        earlier = np.concatenate([np.zeros(shift), lowest[:-shift]]) if shift < count else np.zeros(count)
        lowest = np.minimum(lowest, earlier * 0.5 ** (shift / 12))
    curve = np.interp(np.arange(channels.shape[1]), (np.arange(count) + 0.5) * step, lowest)
    limited = (channels * np.exp(curve)).astype(np.float32)
    return np.clip(limited, -ceiling, ceiling).reshape(sound.shape)


def _k_weight(frequency: np.ndarray) -> np.ndarray:
    """Amplitude response of the two analogue prototypes of BS.1770: a shelf of +4 dB and a high-pass at 38 Hz."""
    s = 1j * np.maximum(frequency, 1e-3)
    shelf_hz, shelf_gain, shelf_q = 1681.97, 10 ** (3.99984 / 20), 0.7072
    middle = shelf_gain**0.4996667741545416
    top = shelf_gain * s**2 + middle / shelf_q * s * shelf_hz + shelf_hz**2
    shelf = top / (s**2 + s * shelf_hz / shelf_q + shelf_hz**2)
    pass_hz, pass_q = 38.1355, 0.5003
    high_pass = s**2 / (s**2 + s * pass_hz / pass_q + pass_hz**2)
    return np.abs(shelf * high_pass)
