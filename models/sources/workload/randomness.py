"""Random numbers of a workload: one stream for each purpose, so that one choice does not move the others."""

import zlib

import numpy as np


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Random numbers for one purpose."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])
