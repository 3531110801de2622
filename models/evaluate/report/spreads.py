"""How far the grids of an hour lie apart, and what FREESH saved in it."""

from statistics import fmean

from models.evaluate.report.results import Results


def saving(results: Results, hour: str, scenario: str, against: str | None = None) -> float | None:
    """Change of carbon in one hour as a share of another policy's, by default the reference's; negative = less."""
    ours, theirs = (
        [e.carbon_kg for e in results.runs if (e.policy, e.hour, e.scenario) == (policy, hour, scenario)]
        for policy in (results.summary.freesh, against or results.summary.reference)
    )
    known = [each for each in (*ours, *theirs) if each is not None]
    if not ours or not theirs or len(known) < len(ours) + len(theirs):
        return None
    reference = fmean(known[len(ours) :])
    return fmean(known[: len(ours)]) / reference - 1 if reference > 0 else None


def spread(results: Results, hour: str, scenario: str) -> float | None:
    """Mean over the hour of (largest - smallest) / mean intensity of the locations."""
    by_slot: dict[float, list[float]] = {}
    for row in results.series:
        if (row.policy, row.hour, row.scenario) == (results.summary.reference, hour, scenario):
            if row.carbon_gco2e_per_kwh is None:
                return None
            by_slot.setdefault(row.start_s, []).append(row.carbon_gco2e_per_kwh)
    means = [fmean(each) for each in by_slot.values()]
    if not means or min(means) <= 0:
        return None
    return fmean((max(each) - min(each)) / mean for each, mean in zip(by_slot.values(), means, strict=True))
