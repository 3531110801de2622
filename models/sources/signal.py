"""Average and marginal, direct and lifecycle carbon are kept apart: a source of another kind than asked is refused."""

from freesh_plugin.core.errors import ConfigError
from models.domain.scenario import CarbonSignal
from models.sources.ports import CarbonSource

UNSTATED = "unstated"


def refuse_other_signal(source: CarbonSource, wanted: CarbonSignal) -> None:
    """Refuse a source whose numbers are not what the fleet's `carbon_signal` says they are.

    A marginal rate and an average one answer different questions; so do direct and lifecycle emissions. A plan that
    took one for the other would state savings that nobody can check. A source that states nothing (a file) is taken
    at the fleet's word.

    Args:
        source: Where the numbers come from.
        wanted: The fleet's `carbon_signal`; its scope `unstated` accepts any.

    Raises:
        ConfigError: average against marginal, or direct against lifecycle.
    """
    given = source.signal
    if given is None:
        return
    same_scope = UNSTATED in (given.scope, wanted.scope) or given.scope == wanted.scope
    if given.kind != wanted.kind or not same_scope:
        raise ConfigError(
            f"{source.name}: gives {given.kind} {given.scope} carbon, the fleet's carbon_signal is"
            f" {wanted.kind} {wanted.scope}; state the fleet's carbon_signal as the source's, or take another source"
        )
