"""Service levels of the evaluation's fleet: of lengths that no instance holds there are none."""

import pytest

from freesh_plugin.core.errors import ScenarioError
from models.domain.lengths import RequestLength
from models.evaluate.site import ONE_CLASS
from models.evaluate.site_levels import levels_of
from models.evaluate.site_modes import tables


def test_requests_that_no_instance_holds_are_refused_with_the_limit() -> None:
    profiles = list(tables().values())
    most = max(each.limits.kv_tokens for each in profiles)
    with pytest.raises(ScenarioError, match=f"of 9000000 prompt tokens .* has memory for {most:.0f} tokens"):
        levels_of(ONE_CLASS, [RequestLength(9e6, 50.0, 1.0)], profiles)
    assert levels_of(ONE_CLASS, [RequestLength(900.0, 50.0, 1.0)], profiles)
