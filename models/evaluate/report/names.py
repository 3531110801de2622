"""How policies, kinds of grids and places are called and coloured on the page."""

from models.evaluate.report.results import Results

PLACE_COLOURS = ("c-blue", "c-orange", "c-purple", "c-sky", "c-yellow", "c-green", "c-ink", "c-grey")
PERFECT = "freesh_perfect"
"""FREESH that knows what comes."""
_WORDS = {"freesh": "FREESH", "dynamollm": "DynamoLLM", "slo": "SLO"}


def words(name: str) -> str:
    """A name of the code as people read it: one_mixed_pool is "one mixed pool"."""
    return " ".join(_WORDS.get(each, each) for each in name.split("_")).replace("DynamoLLM like", "DynamoLLM-like")


def colour(results: Results, policy: str) -> str:
    """Class of a policy's colour: the reference, the strongest baseline, FREESH and its perfect self stand out."""
    gap = results.summary.gap_closed
    if policy == results.summary.freesh:
        return "c-green"
    if policy == results.summary.reference:
        return "c-ink"
    if gap is not None and policy == gap.strongest:
        return "c-orange"
    return "c-purple" if policy == PERFECT else "c-grey"


def standing_out(results: Results) -> list[str]:
    """Policies with a colour of their own, that were run."""
    return [each for each in results.policies if colour(results, each) != "c-grey"]


def place_colours(results: Results) -> dict[str, str]:
    """Class of each location's colour."""
    places = dict.fromkeys(each.location for each in results.series)
    return {place: PLACE_COLOURS[index % len(PLACE_COLOURS)] for index, place in enumerate(places)}
