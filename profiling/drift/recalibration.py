"""What to run when a profile no longer holds: the same grid measured again, and fitted under the same names."""

from freesh_plugin.core.profile import Phase
from freesh_plugin.core.profile_document import ProfileDocument


def recalibration(document: ProfileDocument, profile: str) -> tuple[str, ...]:
    """Commands, for an instance that serves nobody else; `profile` is the file's path."""
    decoded = [each for each in document.points if each.phase is Phase.DECODE]
    prompts = {round(each.tokens) for each in document.points if each.phase is Phase.PREFILL}
    clocks = {round(each.sm_clock_mhz) for each in document.points if each.sm_clock_mhz}
    grid = f"--batch {_list({each.batch for each in decoded})} --prompts {_list(prompts)}"
    clocked = f" --clocks {_list(clocks)}" if clocks else ""
    names = f"--gpu {document.gpu} --mode {document.mode} --model {document.model}"
    return (
        f"python -m profiling sweep http://INSTANCE -o recalibration.csv {grid} --answers 128{clocked}",
        f"python -m profiling fit recalibration.csv {names} --kv-tokens {document.limits.kv_tokens} -o {profile}",
        f"python -m profiling export-scenario {profile} --like SCENARIO -o NEW_SCENARIO  # then plan with it",
    )


def _list(numbers: set[int]) -> str:
    return ",".join(str(each) for each in sorted(numbers))
