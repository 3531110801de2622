"""What others published, to stand beside our figures: changes of energy and carbon as shares."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A published saving against that publication's own baseline."""

    name: str
    what: str
    energy: float
    carbon: float


PUBLISHED = (
    Published("FREESH, published", "arXiv 2511.00807: one hour of production load, its own baseline", -0.286, -0.4545),
    Published("DynamoLLM, published", "arXiv 2408.00741: its own traces, clusters and baseline", -0.53, -0.38),
)
