"""Lengths of time and conversions that the whole house agrees on."""

STEP_S = 300
"""Length of a planning step, seconds."""

EPOCH_S = 1_800
"""Length of an epoch: the interval one plan is made for, seconds."""

PLAN_LEAD_S = 600
"""A run for slot S is issued, with its data cut off, this long before S, seconds."""

PLAN_LIFETIME_S = 5_400
"""A plan is wholly in force for this long after `valid_from`, the last part marked stale, seconds."""

JOULES_PER_KWH = 3.6e6


def epoch_at(utc_s: float) -> int:
    """Number of the epoch that holds a UTC time in seconds since 1970: slot start / 1800."""
    return int(utc_s // EPOCH_S)


def epoch_start_s(epoch: int) -> int:
    """First second (UTC, since 1970) of an epoch."""
    return epoch * EPOCH_S


def grams(energy_j: float, carbon_gco2e_per_kwh: float) -> float:
    """Carbon in grams of CO2e of an energy in joules at a carbon intensity in g/kWh."""
    return energy_j / JOULES_PER_KWH * carbon_gco2e_per_kwh
