"""How policies, kinds of grids, hours and places are called and coloured on the page."""

import re

from models.evaluate.report.results import Results

PLACE_COLOURS = ("c-blue", "c-orange", "c-purple", "c-sky", "c-yellow", "c-green", "c-ink", "c-grey")
PERFECT = "freesh_perfect"
"""FREESH that knows what comes."""
_CALLED = {
    "rightsized_min_energy": "right-sized for least energy",
    "carbon_agnostic_freesh": "carbon-agnostic FREESH",
    "dynamollm_like": "DynamoLLM-like",
    "freesh_constant_carbon": "constant-carbon FREESH",
    PERFECT: "clairvoyant FREESH",
    "right_sized": "right-sized",
    "llf": "least laxity first",
    "bursts": "bursty",
}
"""Names that people say otherwise than they are spelt; as a kind of grids, bursts are an adjective like the others."""
_WORDS = {"freesh": "FREESH", "dynamollm": "DynamoLLM", "slo": "SLO"}
_JOINT = re.compile(r"_|(?<=[A-Za-z])-")
"""Where words of a name meet; the hyphens of a date stay."""


def words(name: str) -> str:
    """A name of the code as people read it: one_mixed_pool is "one mixed pool", low-spread-report-1 "low spread 1"."""
    if name in _CALLED:
        return _CALLED[name]
    said = " ".join(_WORDS.get(each, each) for each in _JOINT.split(name))
    return said.replace(" report ", " ").replace("residency locked", "residency-locked")


def hour_words(hour: str, scenario: str) -> str:
    """An hour with its kind of grids, said once: "low spread 3", "hour 1 (demo)"."""
    return words(hour) if hour.startswith(scenario) else f"{words(hour)} ({words(scenario)})"


def colour(results: Results, policy: str) -> str:
    """Class of a policy's colour: the reference, the strongest baseline, FREESH and its perfect self stand out."""
    strongest = next((each.strongest for each in results.summary.gaps if each.ledger == "carbon"), None)
    if policy == results.summary.freesh:
        return "c-green"
    if policy == results.summary.reference:
        return "c-ink"
    if policy == strongest:
        return "c-orange"
    return "c-purple" if policy == PERFECT else "c-grey"


def standing_out(results: Results) -> list[str]:
    """Policies with a colour of their own, that were run."""
    return [each for each in results.policies if colour(results, each) != "c-grey"]


def place_colours(results: Results) -> dict[str, str]:
    """Class of each location's colour."""
    places = dict.fromkeys(each.location for each in results.series)
    return {place: PLACE_COLOURS[index % len(PLACE_COLOURS)] for index, place in enumerate(places)}
