"""The passes that a token-level profile was made from, read back from its table."""

from collections.abc import Iterator

from freesh_plugin.core.profile import Phase, TokenPoint, TokenTable


def points_of(table: TokenTable) -> Iterator[TokenPoint]:
    """All points, with times as the table has them (noise evened out); a clock of None where none was stated."""
    for phase in Phase:
        times, powers = table.times_s[phase], table.powers_w[phase]
        clocks: tuple[float | None, ...] = times.clocks_mhz or (None,)
        for clock, time, power in zip(clocks, times.surfaces, powers.surfaces, strict=True):
            for batch, seconds, watts in zip(time.batches, time.lines, power.lines, strict=True):
                for tokens, time_s, power_w in zip(seconds.tokens, seconds.values, watts.values, strict=True):
                    yield TokenPoint(phase, tokens, time_s, power_w, round(batch), clock)
