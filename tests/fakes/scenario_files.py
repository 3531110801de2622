"""A small, whole scenario folder as a person would write it, for tests that break one thing in it."""

from pathlib import Path

SCENARIO_YAML = """\
name: two-sites
step_s: 300
steps: 2
objective: carbon
demand_margin: 1.1
carbon_signal: {kind: marginal, scope: unstated, unit: "as given"}
locations:
  - {name: north, gpus: {A100: 4, H100: 4}, pue: 1.2, grid_zone: GB, rtt_s: {eu: 0.02, us: 0.09}, power_cap_w: 9000}
  - {name: south, gpus: {A100: 8}, allowed_origins: [eu], max_share: 0.7, parked_power_w: {L40S: 35}, host_power_w: 20}
modes:
  - {name: TP2xA100, gpus: {A100: 2}, startup_s: 60, startup_energy_j: 45000}
  - {name: TP4xH100, gpus: {H100: 4}, sm_clock_ceiling_mhz: 1410}
partitions:
  - {name: a, classes: [SS, SL, LS, LL], prompt_tokens: 1000, answer_tokens: [444]}
models: [{name: default}, {name: small}]
tiers: [{name: default}, {name: batch, shed_price: 0.1}]
survive: location
max_changes_per_location: 3
endpoints:
  - {name: gate, kind: gateway, location: north, url: "http://127.0.0.1:8470", connection: freesh_gate}
"""

CLASSES = ("SS", "SL", "LS", "LL")
TIERS = ("default", "batch")
MODELS = ("default", "small")


def write_files(folder: Path) -> Path:
    """Write the whole folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "profiles": ["partition,request_class,mode,capacity_rps,full_power_w,latency_s,ttft_s,tbt_s,idle_power_w,model"]
        + [f"a,{c},{m},5.5,745.6,8.85,0.12,0.0596,,{llm}" for llm in MODELS for c in CLASSES for m in ("TP2xA100",)]
        + ["a,SS,TP4xH100,0,0,0,0,0,0,default"],
        "slo": ["partition,request_class,latency_s,ttft_s,tbt_s,model,tier"]
        + [f"a,{c},40,0.3,0.15,{llm},{tier}" for llm in MODELS for c in CLASSES for tier in TIERS],
        "demand": ["partition,request_class,step,demand_rps,mean_rps,origin,model,tier"]
        + [f"a,{c},{s},2.5,2,eu,{llm},default" for llm in MODELS for c in CLASSES for s in range(2)]
        + [f"a,SS,{s},1.5,,us,default,batch" for s in range(2)],
        "carbon": ["location,step,carbon_gco2e_per_kwh,p10,p90", "north,0,-20.5,-30,10", "north,1,230,,"]
        + [f"south,{s},{400 + s},," for s in range(2)],
        "prices": ["location,step,price_usd_per_mwh"] + [f"{x},{s},-4.5" for x in ("north", "south") for s in range(2)],
        "machines": [
            "location,machine,gpu_type,gpus,available_from,available_until",
            "north,n1,A100,4,,",
            "north,n2,H100,4,1,2",
        ],
        "running": [
            "location,machine,mode,request_class,instances,partition,model",
            "north,n1,TP2xA100,SS,1,a,default",
            "south,anything,TP2xA100,LL,2,,small",
        ],
    }
    (folder / "scenario.yaml").write_text(SCENARIO_YAML, encoding="utf-8")
    for name, lines in tables.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def edit(folder: Path, file: str, old: str, new: str) -> None:
    """Replace the first occurrence of `old` in a file; it must be there."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {file}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
