"""Where the intraday forecast ends and the day-ahead one goes on: the difference fades instead of jumping."""

import numpy as np

FADE_S = 10_800
"""Half of the difference at the seam is left after this long."""


def joined(near: np.ndarray, far: np.ndarray, shift: np.ndarray, step_s: int) -> np.ndarray:
    """The near forecast, then the far one moved by a difference that halves every FADE_S.

    Args:
        near: Shape (..., near target).
        far: Shape (..., target), of all targets.
        shift: Shape (...): near less far forecast of the last near target.
        step_s: Length of a target, seconds.

    Returns:
        Shape (..., target).
    """
    count = near.shape[-1]
    after = np.arange(1, far.shape[-1] - count + 1)
    beyond = far[..., count:] + shift[..., None] * 0.5 ** (after * step_s / FADE_S)
    return np.concatenate([near, beyond], axis=-1)
