"""Noise as a pure function of absolute time and a seed: no state, so any moment can be asked for in any order."""

import hashlib

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def smooth_noise(times_s: np.ndarray, knot_s: float, seed: str) -> np.ndarray:
    """Standard normal at knots `knot_s` seconds apart, blended in between so that the variance stays 1.

    Args:
        times_s: Seconds since 1970, shape (time,).
        knot_s: Distance of the knots, seconds.
        seed: Any text; another text gives independent noise.
    """
    position = np.asarray(times_s, dtype=float) / knot_s
    knot = np.floor(position)
    angle = (position - knot) * np.pi / 2.0
    noise: np.ndarray = np.cos(angle) * _normal(knot, seed) + np.sin(angle) * _normal(knot + 1, seed)
    return noise


def _normal(index: np.ndarray, seed: str) -> np.ndarray:
    """Standard normal numbers of whole indices, by Box and Muller from two hashes."""
    first, second = (uniform(index, f"{seed}/{part}") for part in "ab")
    normal: np.ndarray = np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * np.pi * second)
    return normal


def uniform(index: np.ndarray, seed: str) -> np.ndarray:
    """Uniform numbers in (0, 1], by the finaliser of splitmix64 (Steele, Lea, Flood 2014)."""
    start = np.uint64(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big"))
    with np.errstate(over="ignore"):
        z = index.astype(np.int64).astype(np.uint64) * _GOLDEN + start
        z = (z ^ (z >> np.uint64(30))) * _MIX_1
        z = (z ^ (z >> np.uint64(27))) * _MIX_2
        z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(11)).astype(float) + 1.0) / 2.0**53
