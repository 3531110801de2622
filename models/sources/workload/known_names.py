"""Names that an operator's requests may bear: those of the fleet that is to serve them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from models.domain.scenario import DEFAULT
from models.sources.scenario.spot import nearest
from models.sources.workload.trace_table import TraceRow


@dataclass(frozen=True)
class KnownNames:
    """The names of a fleet; a cell that is empty names nothing, and is not held against them.

    Attributes:
        origins: Origins; None = the fleet names none, and one is like another to it.
        tiers: Service tiers.
        models: Name of a model to what the fleet that is simulated calls it.
    """

    origins: Collection[str] | None
    tiers: Collection[str] = (DEFAULT,)
    models: Mapping[str, str] = field(default_factory=lambda: {DEFAULT: DEFAULT})

    def model(self, row: TraceRow) -> str:
        """What the fleet calls the model of a row.

        Raises:
            SourceError: a name of the row is none of the fleet's.
        """
        for column, known in (("origin", self.origins), ("tier", self.tiers), ("model", self.models)):
            name = row.text(column, "")
            if name and known is not None and name not in known:
                raise row.fault(column, f"{name!r} is no {column} of the fleet{nearest(name, known)}")
        return self.models.get(row.text("model", DEFAULT), DEFAULT)
