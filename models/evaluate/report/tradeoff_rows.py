"""Rows of tradeoff.csv: what a token takes in time, watts and joules at each clock of an instance's GPUs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TradeoffRow:
    """One mode at one clock, decoding a fixed batch.

    Attributes:
        gpu_type: Type of its GPUs.
        mode: Name of the mode.
        basis: Where times and watts come from: measured, modelled, simulated.
        sm_clock_mhz: SM clock.
        batch: Requests that decode together.
        context_tokens: Tokens that each has in memory.
        tbt_s: From a token to the next.
        power_w: Of one of its GPUs.
        token_j: Joules a token, all GPUs together.
        chosen: Whether no other clock of the mode takes fewer joules a token.
    """

    gpu_type: str
    mode: str
    basis: str
    sm_clock_mhz: int
    batch: int
    context_tokens: int
    tbt_s: float
    power_w: float
    token_j: float
    chosen: bool
