"""The small scenario folder with token-level profiles in place of `profiles.csv`."""

from pathlib import Path

from tests.fakes.scenario_files import CLASSES, MODELS, write_files

PREFILL = ((100, 0.02), (4000, 0.2))
DECODE = ((1, 100, 0.02), (1, 6000, 0.021), (16, 100, 0.03), (16, 6000, 0.04))
LENGTHS = ((400, 100, 6), (400, 600, 1), (1500, 100, 2), (1500, 600, 1))


def write_token_files(folder: Path) -> Path:
    """Write the folder: both models on TP2xA100, one of them on TP4xH100 at two clocks."""
    write_files(folder)
    (folder / "profiles.csv").unlink()
    rows = ["model,mode,phase,tokens,batch,time_s,power_w,sm_clock_mhz"]
    limits = ["model,mode,max_batch,kv_tokens,idle_power_w,parked_power_w,basis"]
    for model in MODELS:
        rows += _points(f"{model},TP2xA100", 1.0, "")
        limits.append(f"{model},TP2xA100,16,60000,150,,measured")
    for clock, slower in ((1980, 0.5), (1110, 0.7)):
        rows += _points("default,TP4xH100", slower, str(clock))
    limits.append("default,TP4xH100,16,90000,300,280,modelled")
    lengths = ["prompt_tokens,answer_tokens,weight,model"]
    lengths += [f"{prompt},{answer},{weight},{model}" for model in MODELS for prompt, answer, weight in LENGTHS]
    for name, lines in (("token_profiles", rows), ("token_limits", limits), ("lengths", lengths)):
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def _points(pair: str, slower: float, clock: str) -> list[str]:
    prefill = [f"{pair},prefill,{tokens},,{seconds * slower:g},900,{clock}" for tokens, seconds in PREFILL]
    decode = [
        f"{pair},decode,{tokens},{batch},{seconds * slower:g},{500 + 10 * batch},{clock}"
        for batch, tokens, seconds in DECODE
    ]
    return prefill + decode


def state_profiles(folder: Path, *rows: str) -> None:
    """Write `profiles.csv` of these rows, each `model,class,mode,capacity_rps,full_power_w`, of partition a."""
    lines = ["partition,model,request_class,mode,capacity_rps,full_power_w,latency_s,ttft_s,tbt_s,idle_power_w"]
    lines += [f"a,{row},8,0.1,0.05,200" for row in rows]
    (folder / "profiles.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def every_row(capacity_rps: float = 5) -> list[str]:
    """Rows for `state_profiles` of every model and class in one mode."""
    return [f"{model},{name},TP2xA100,{capacity_rps},700" for model in MODELS for name in CLASSES]
