"""Names of policies on the command line: completed by the shell, checked before any work is done."""

from collections.abc import Sequence

from freesh_plugin.core.errors import ConfigError
from models.evaluate.cell import Policy
from models.evaluate.policies import POLICIES
from models.sources.scenario.spot import nearest


def complete_policy(typed: str) -> list[tuple[str, str]]:
    """Names that begin as typed, with what each policy is."""
    return [(name, policy.says) for name, policy in POLICIES.items() if name.startswith(typed)]


def policies_named(names: Sequence[str]) -> list[Policy]:
    """The policies, each once, in the order of tables.

    Raises:
        ConfigError: there is no policy of a name.
    """
    for name in names:
        if name not in POLICIES:
            raise ConfigError(f"--policy: {name!r} is no policy{nearest(name, list(POLICIES))}")
    return [policy for name, policy in POLICIES.items() if name in names]
