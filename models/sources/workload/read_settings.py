"""What is taken of a trace, and what is added to it."""

from dataclasses import dataclass, field
from pathlib import Path

from freesh_plugin.core.errors import ConfigError
from models.sources.workload.dressing import Dress
from models.sources.workload.known_names import KnownNames
from models.sources.workload.scaling import Scaling
from models.sources.workload.synthetic import MAX_NEW_TOKENS


@dataclass(frozen=True)
class FromRates:
    """How requests are made from recorded rates.

    Attributes:
        lengths: A file or folder of Azure's traces, whose pairs of lengths are drawn again.
        series: The model whose rates are taken.
        quantiles: ServeGen's table of quantiles by client, which goes first where rates are by client; None = none.
        mean_rps: Mean rate over the time that is taken; None = as recorded.
        cv: Coefficient of variation of the times between arrivals, where the trace states none; 1 = Poisson.
        seed: Of arrivals and lengths.
    """

    lengths: Path
    series: str = "m-mid"
    quantiles: Path | None = None
    mean_rps: float | None = None
    cv: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mean_rps is not None and not self.mean_rps > 0:
            raise ConfigError(f"mean_rps is {self.mean_rps:g}, must be above 0")
        if not self.cv > 0:
            raise ConfigError(f"cv of arrivals is {self.cv:g}, must be above 0")


@dataclass(frozen=True)
class ReadSettings:
    """What is taken of a trace, and what is added to it.

    Attributes:
        start_s: Start, seconds after the trace's first request; of rates, in the trace's own time.
        duration_s: Length; None = to the end.
        max_new_tokens: Most tokens of an answer, where the trace does not say; longer answers end there.
        rates: For kinds that are rates: how requests are made of them.
        scaling: How the rate of recorded requests is changed; None = it is not.
        dress: Clients and origins where the trace has none, and predicted lengths.
        names: Names that the rows of an operator's own table may bear; None = any.
    """

    start_s: float = 0.0
    duration_s: float | None = None
    max_new_tokens: int = MAX_NEW_TOKENS
    rates: FromRates | None = None
    scaling: Scaling | None = None
    dress: Dress = field(default_factory=Dress)
    names: KnownNames | None = None

    def __post_init__(self) -> None:
        if not self.start_s >= 0:
            raise ConfigError(f"start_s of a workload is {self.start_s:g}, must be at least 0")
        if self.duration_s is not None and not self.duration_s > 0:
            raise ConfigError(f"duration_s of a workload is {self.duration_s:g}, must be above 0")
        if not self.max_new_tokens >= 1:
            raise ConfigError(f"max_new_tokens is {self.max_new_tokens}, must be at least 1")
