"""The profiles that the plugin brings, as the planner reads them."""

import json
from importlib.resources import files

from models.sources.profile_document import shipped_profiles

H100 = json.loads((files("freesh_plugin") / "data" / "h100-llama-3-8b-tp1.json").read_text())


def test_the_eight_shipped_profiles_are_read_with_their_points() -> None:
    profiles = {each.mode: each for each in shipped_profiles()}
    assert sorted(profiles) == sorted(f"TP{gpus}x{gpu}" for gpu in ("A100", "H100") for gpus in (1, 2, 4, 8))
    own = profiles["TP1xH100"]
    phase, batch, tokens, clock, time_s, power_w = H100["points"][-1]
    assert phase == "decode"
    assert own.table.decode_step_s(batch, tokens, clock) == time_s
    assert own.table.decode_power_w(batch, tokens, clock) == power_w
    assert (own.gpu_type, own.gpus, own.model) == ("H100", 1, "llama-3-8b")
