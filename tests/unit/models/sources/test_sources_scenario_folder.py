"""The scenario loader: defaults, every kind of fault with its place, and what it tolerates."""

from pathlib import Path

import pytest

from freesh_plugin.core.errors import ScenarioError
from freesh_plugin.core.request import Partition
from models.domain.scenario import (
    CarbonPoint,
    CarbonSignal,
    Demand,
    Endpoint,
    Location,
    Machine,
    Mode,
    Objective,
    Profile,
    Running,
    Survive,
    Tier,
)
from models.sources.scenario_folder import load_fleet, load_scenario
from tests.fakes.scenario_files import edit, write_files

MINIMAL_YAML = """\
name: least
step_s: 300
locations:
  - {name: loc1, gpus: {A100: 4}}
modes:
  - {name: TP2xA100, gpus: {A100: 2}}
partitions:
  - {name: a, classes: [ALL]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path / "scenario")


def test_whole_folder_is_read_as_written(folder: Path) -> None:
    scenario = load_scenario(folder)
    assert scenario.name == "two-sites"
    assert (scenario.step_s, scenario.steps, scenario.demand_margin) == (300, 2, 1.1)
    assert scenario.objective == Objective.only("carbon")
    assert scenario.carbon_signal == CarbonSignal("marginal", "unstated", "as given")
    assert scenario.survive is Survive.LOCATION
    assert scenario.max_changes_per_location == 3
    assert scenario.models == ("default", "small")
    assert scenario.tiers == (Tier("default", 1.0), Tier("batch", 0.1))
    assert scenario.partitions == (Partition("a", ("SS", "SL", "LS", "LL"), (1000,), (444,)),)
    north, south = scenario.locations
    assert north == Location("north", {"A100": 4, "H100": 4}, 1.2, "GB", {"eu": 0.02, "us": 0.09}, None, 9000.0, 1.0)
    assert south.allowed_origins == ("eu",)
    assert south.parked_power_w == {"A100": 55.0, "H100": 70.0, "L40S": 35.0}
    assert south.allows("eu")
    assert not south.allows("us")
    assert scenario.modes == (
        Mode("TP2xA100", {"A100": 2}, None, 60.0, 45_000.0),
        Mode("TP4xH100", {"H100": 4}, 1410),
    )
    assert scenario.endpoints == (Endpoint("gate", "gateway", "north", "http://127.0.0.1:8470", "freesh_gate"),)
    assert scenario.profiles[0] == Profile(
        "a", "SS", "TP2xA100", 5.5, 745.6, 8.85, 0.12, 0.0596, 0.3 * 745.6, "default", idle_assumed=True
    )
    assert scenario.profiles[-1] == Profile("a", "SS", "TP4xH100", 0, 0, 0, 0, 0, 0, "default", idle_assumed=False)
    assert scenario.demand[0] == Demand("a", "SS", 0, 2.5, 2.0, "eu", "default", "default")
    assert scenario.demand[-1] == Demand("a", "SS", 1, 1.5, None, "us", "default", "batch")
    assert scenario.carbon[0] == CarbonPoint("north", 0, -20.5, -30.0, 10.0)
    assert scenario.prices[0].price_usd_per_mwh == -4.5
    assert scenario.machines[1] == Machine("north", "n2", "H100", 4, 1, 2)
    assert scenario.running[1] == Running("south", "anything", "TP2xA100", "LL", 2, None, "small")
    assert scenario.folder == folder


def test_defaults_are_those_of_the_contract(tmp_path: Path) -> None:
    (tmp_path / "scenario.yaml").write_text(MINIMAL_YAML, encoding="utf-8")
    (tmp_path / "profiles.csv").write_text(
        "partition,request_class,mode,capacity_rps,full_power_w,latency_s,ttft_s,tbt_s\na,ALL,TP2xA100,5,700,8,0.1,0.05\n"
    )
    (tmp_path / "slo.csv").write_text("partition,request_class,latency_s,ttft_s,tbt_s\na,ALL,40,0.3,0.15\n")
    (tmp_path / "demand.csv").write_text(
        "partition,request_class,step,demand_rps\n" + "".join(f"a,ALL,{s},1\n" for s in range(6))
    )
    (tmp_path / "carbon.csv").write_text(
        "location,step,carbon_gco2e_per_kwh\n" + "".join(f"loc1,{s},200\n" for s in range(6))
    )
    scenario = load_scenario(tmp_path)
    assert scenario.steps == 6
    assert scenario.objective == Objective.only("carbon")
    assert scenario.demand_margin == 1.0
    assert scenario.carbon_signal == CarbonSignal("average", "direct", "gco2e_per_kwh")
    assert scenario.models == ("default",)
    assert scenario.tiers == (Tier("default", 1.0),)
    assert scenario.survive is Survive.NONE
    assert scenario.max_changes_per_location is None
    assert not any((scenario.endpoints, scenario.prices, scenario.machines, scenario.running))
    assert scenario.partitions == (Partition("a", ("ALL",), None, None),)
    assert scenario.locations == (
        Location("loc1", {"A100": 4}, 1.0, None, {}, None, None, 1.0, {"A100": 55.0, "H100": 70.0}, 0.0),
    )
    assert scenario.modes == (Mode("TP2xA100", {"A100": 2}, None, 0.0, 0.0),)
    assert scenario.profiles[0].idle_power_w == pytest.approx(210.0)
    assert scenario.profiles[0].idle_assumed
    assert scenario.demand[0] == Demand("a", "ALL", 0, 1.0, None, "any", "default", "default")


def test_fleet_needs_neither_demand_nor_carbon(folder: Path) -> None:
    (folder / "demand.csv").unlink()
    (folder / "carbon.csv").unlink()
    fleet = load_fleet(folder)
    assert not fleet.demand
    assert not fleet.carbon
    assert len(fleet.slos) == 16
    with pytest.raises(ScenarioError, match=r"demand\.csv: no such file"):
        load_scenario(folder)


def test_windows_files_read_the_same(folder: Path) -> None:
    expected = load_scenario(folder)
    for path in folder.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_scenario(folder) == expected


def test_columns_may_stand_in_any_order(folder: Path) -> None:
    expected = load_scenario(folder)
    edit(folder, "prices.csv", "location,step,price_usd_per_mwh", "step,location,price_usd_per_mwh")
    text = (folder / "prices.csv").read_text()
    for step in range(2):
        text = text.replace(f"north,{step},", f"{step},north,").replace(f"south,{step},", f"{step},south,")
    (folder / "prices.csv").write_text(text)
    assert load_scenario(folder) == expected


def test_a_mode_that_fits_nowhere_is_legal(folder: Path) -> None:
    edit(folder, "scenario.yaml", "gpus: {H100: 4}, sm_clock", "gpus: {B300: 72}, sm_clock")
    assert load_scenario(folder).mode("TP4xH100").gpus == {"B300": 72}


def test_a_fleet_that_runs_nothing_yet_is_a_header_alone(folder: Path) -> None:
    (folder / "running.csv").write_text("location,machine,mode,request_class,instances\n")
    assert load_scenario(folder).running == ()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("energy", Objective.only("energy")),
        ("{carbon: 0.08, energy: 0.0, cost: 1}", Objective(carbon=0.08, cost=1.0)),
        ("{energy: 1e-1}", Objective(energy=0.1)),
    ],
)
def test_objective_is_a_word_or_weights(folder: Path, written: str, expected: Objective) -> None:
    edit(folder, "scenario.yaml", "objective: carbon", f"objective: {written}")
    assert load_scenario(folder).objective == expected


YAML_FAULTS = [
    ("steps: 2", "stpes: 2", r"scenario\.yaml, line 3, stpes: unknown key 'stpes'; nearest known name is 'steps'"),
    ("step_s: 300\n", "", r"scenario\.yaml, line 1: required key 'step_s' is missing"),
    ("step_s: 300", "step_s: 300\nstep_s: 600", r"line 3, step_s: key 'step_s' stands twice"),
    ("step_s: 300", "step_s: fast", r"line 2, step_s: 'fast' is not a number"),
    ("step_s: 300", 'step_s: "300"', r"line 2, step_s: '300' is not a number"),
    ("step_s: 300", "step_s: 0", r"line 2, step_s: 0 s is less than the limit 1"),
    ("step_s: 300", "step_s: 300.5", r"line 2, step_s: 300.5 s is not a whole number"),
    ("steps: 2", "steps: .nan", r"line 3, steps: nan steps is not a finite number"),
    ("steps: 2", "steps: 999999999", r"line 3, steps: 1e\+09 steps is greater than the limit 10000"),
    ("steps: 2", "steps: 0x" + "f" * 400, r"line 3, steps: inf steps is not a finite number"),
    ("steps: 2", "steps: [2]", r"line 3, steps: a list is not a number"),
    (
        "objective: carbon",
        "objective: carbom",
        r"line 4, objective: 'carbom' is not a known objective; nearest.*'carbon'",
    ),
    ("objective: carbon", "objective: {carbon: 0}", r"line 4, objective: no weight is greater than 0"),
    ("objective: carbon", "objective: {carbon: -1}", r"objective\.carbon: -1 is less than the limit 0"),
    ("objective: carbon", "objective: {carbn: 1}", r"unknown key 'carbn'; nearest known name is 'carbon'"),
    ("demand_margin: 1.1", "demand_margin: 0", r"demand_margin: 0 is not greater than the limit 0"),
    ("demand_margin: 1.1", "demand_margin: .inf", r"demand_margin: inf is not a finite number"),
    ("kind: marginal", "kind: margnal", r"carbon_signal\.kind: 'margnal' is not a known kind; nearest.*'marginal'"),
    (
        "gpus: {A100: 4, H100: 4}",
        "gpus: {A100: -4}",
        r"line 8, locations\[0\]\.gpus\.A100: -4 GPUs is less than the limit 0",
    ),
    ("pue: 1.2", "pue: 0.9", r"locations\[0\]\.pue: 0\.9 is less than the limit 1"),
    ("pue: 1.2", "puee: 1.2", r"unknown key 'puee'; nearest known name is 'pue'"),
    ("grid_zone: GB", "grid_zone: NO", r"grid_zone: False is not a text; put it in quotes"),
    ("grid_zone: GB", "grid_zone: 2026-02-30", r"grid_zone: '2026-02-30' cannot be read"),
    ("max_share: 0.7", "max_share: 0", r"locations\[1\]\.max_share: 0 is not greater than the limit 0"),
    ("max_share: 0.7", "max_share: 1.5", r"max_share: 1\.5 is greater than the limit 1"),
    ("power_cap_w: 9000", "power_cap_w: -1", r"power_cap_w: -1 W is less than the limit 0"),
    ("{L40S: 35}", "{L40S: -35}", r"parked_power_w\.L40S: -35 W is less than the limit 0"),
    ("{eu: 0.02,", "{eu: -0.02,", r"rtt_s\.eu: -0\.02 s is less than the limit 0"),
    ("allowed_origins: [eu]", "allowed_origins: some", r"allowed_origins: 'some' is neither 'all' nor a list"),
    ("name: south", "name: north", r"line 9, locations\[1\]: name 'north' stands twice"),
    ("name: south", 'name: ""', r"locations\[1\]\.name: '' is not a name"),
    ("name: south", f"name: {'s' * 201}", r"a name of 201 characters, limit 200"),
    ("gpus: {A100: 2}", "gpus: {}", r"modes\[0\]\.gpus: a mode takes at least 1 GPU"),
    ("gpus: {A100: 2}", "gpus: {A100: 0}", r"modes\[0\]\.gpus\.A100: 0 GPUs is less than the limit 1"),
    ("startup_s: 60", "startup_s: -60", r"startup_s: -60 s is less than the limit 0"),
    ("ceiling_mhz: 1410", "ceiling_mhz: 0", r"sm_clock_ceiling_mhz: 0 MHz is less than the limit 1"),
    ("[SS, SL, LS, LL]", "[SS, SL, LS]", r"classes: 3 classes, the grid of the boundaries has 4"),
    ("[SS, SL, LS, LL]", "[SS, LS, SL, LL]", r"classes: .* is out of order, row by row and prompt first is"),
    ("[SS, SL, LS, LL]", "[SS, SS, LS, LL]", r"classes: a class stands twice"),
    ("[SS, SL, LS, LL]", "[]", r"classes: a partition has at least 1 class"),
    (
        "prompt_tokens: 1000",
        "prompt_tokens: [1000, 500]",
        r"boundaries \[1000, 500\] tokens are not strictly ascending",
    ),
    ("prompt_tokens: 1000", "prompt_tokens: 0", r"prompt_tokens: 0 tokens is less than the limit 1"),
    ("prompt_tokens: 1000", "prompt_tokens: [[1]]", r"prompt_tokens\[0\]: a list is not a number"),
    (
        "survive: location",
        "survive: locaton",
        r"survive: 'locaton' is not a known loss to survive; nearest.*'location'",
    ),
    ("shed_price: 0.1", "shed_price: 0", r"tiers\[1\]\.shed_price: 0 is not greater than the limit 0"),
    ("kind: gateway", "kind: proxy", r"endpoints\[0\]\.kind: 'proxy' is not a known kind of endpoint"),
    (
        "location: north",
        "location: nroth",
        r"endpoints\[0\]\.location: 'nroth' is not a known location; nearest.*'north'",
    ),
    ("http://127.0.0.1:8470", "ftp://host", r"endpoints\[0\]\.url: 'ftp://host' is not of the form http://host:port"),
    ("http://127.0.0.1:8470", "http://host:99999", r"is not of the form http://host:port"),
    ("http://127.0.0.1:8470", "http://me:secret@host", r"endpoints\[0\]\.url: the URL carries a user"),
    ("models: [{name: default}, {name: small}]", "models: []", r"line 15, models: the list is empty"),
    ("models: [{name: default}, {name: small}]", "models: default", r"models: 'default' is not a list"),
    ("locations:\n", "locations: [\n", r"scenario\.yaml, line \d+: not YAML"),
    ("name: two-sites", "name: !!python/object:os.system two", r"line 1, name: .* cannot be read"),
]


@pytest.mark.parametrize(("old", "new", "message"), YAML_FAULTS)
def test_yaml_fault_names_its_line_and_limit(folder: Path, old: str, new: str, message: str) -> None:
    edit(folder, "scenario.yaml", old, new)
    with pytest.raises(ScenarioError, match=message):
        load_scenario(folder)


P, D, C, M, R = "profiles.csv", "demand.csv", "carbon.csv", "machines.csv", "running.csv"
TABLE_FAULTS = [
    (P, "capacity_rps", "capacty_rps", r"profiles\.csv, row 1: unknown column 'capacty_rps'; nearest.*'capacity_rps'"),
    (P, "partition,", "partition,mode,", r"profiles\.csv, row 1: column 'mode' stands twice"),
    (P, ",tbt_s", "", r"profiles\.csv, row 1: required column 'tbt_s' is missing"),
    (P, ",5.5,", ",-5.5,", r"profiles\.csv, row 2, column capacity_rps: -5\.5 req/s is less than the limit 0"),
    (P, ",5.5,", ",nan,", r"row 2, column capacity_rps: 'nan' is not a number"),
    (P, ",5.5,", ",inf,", r"row 2, column capacity_rps: 'inf' is not a number"),
    (P, ",5.5,", ",1e999,", r"row 2, column capacity_rps: inf req/s is not a finite number"),
    (P, ",5.5,", ",1_0,", r"row 2, column capacity_rps: '1_0' is not a number"),
    (P, ",5.5,", ",,", r"row 2, column capacity_rps: the cell is empty"),
    (P, ",5.5,", ",5,5,", r"profiles\.csv, row 2: 11 cells, the header has 10"),
    (P, ",745.6,", ",0,", r"row 2, column full_power_w: 0 W is not greater than the limit 0"),
    (P, ",0.0596,,", ",0.0596,800,", r"row 2, column idle_power_w: 800 W is greater than the limit 745\.6"),
    (P, "a,SS,TP2xA100", "b,SS,TP2xA100", r"row 2, column partition: 'b' is not a known partition"),
    (P, "a,SS,TP2xA100", "a,XX,TP2xA100", r"row 2, column request_class: 'XX' is not a known class of partition 'a'"),
    (P, "a,SS,TP2xA100", "a,SS,TP2xA10", r"row 2, column mode: 'TP2xA10' is not a known mode; nearest.*'TP2xA100'"),
    (P, "default", "defalt", r"column model: 'defalt' is not a known model; nearest known name is 'default'"),
    (P, "a,SL,TP2xA100", "a,SS,TP2xA100", r"profiles\.csv, row 3: states the same as row 2"),
    (P, "a,SS,TP2xA100", '"a,SS,TP2xA100', r"profiles\.csv, row \d+: not CSV"),
    (
        "slo.csv",
        "a,SL,40,0.3,0.15,default,batch\n",
        "",
        r"slo\.csv: no row for partition 'a', class 'SL', .*tier 'batch'",
    ),
    ("slo.csv", "40", "0", r"slo\.csv, row 2, column latency_s: 0 s is not greater than the limit 0"),
    ("slo.csv", ",batch", ",bach", r"column tier: 'bach' is not a known tier; nearest known name is 'batch'"),
    (D, "a,SS,0,2.5", "a,SS,0,-3", r"demand\.csv, row 2, column demand_rps: -3 req/s is less than the limit 0"),
    (D, "a,SS,0,2.5", "a,SS,2,2.5", r"demand\.csv, row 2, column step: 2 is greater than the limit 1"),
    (D, "a,SS,0,2.5", "a,SS,0.5,2.5", r"row 2, column step: 0\.5 is not a whole number"),
    (D, "a,SS,1,2.5,2,eu,default,default\n", "", r"demand\.csv: no row for step 1 of .*class 'SS', origin 'eu'"),
    (D, "a,SS,0,2.5,2,eu", "a,SS,0,2.5,2,EU", r"demand\.csv: no row for step 1 of .*origin 'EU'"),
    (C, "north,0,-20.5,-30,10", "north,0,-20.5,30,10", r"carbon\.csv, row 2: p10 30 .* is greater than p90 10"),
    (C, "north,1,230,,\n", "", r"carbon\.csv: no row for location 'north', step 1; steps are 0 to 1"),
    (C, "south,0", "suoth,0", r"column location: 'suoth' is not a known location; nearest known name is 'south'"),
    (C, "south,1,401", "south,0,401", r"carbon\.csv, row 5: states the same as row 4"),
    ("prices.csv", "south,1,-4.5\n", "", r"prices\.csv: no row for location 'south', step 1"),
    (M, "n1,A100,4", "n1,A100,3", r"machines of location 'north' have 3 A100 GPUs in all, scenario\.yaml states 4"),
    (M, "n2,H100,4,1,2", "n2,H100,4,2,1", r"machines\.csv, row 3: available from step 2 until step 1: never"),
    (M, "n2,H100", "n2,B200", r"column gpu_type: 'B200' is not a known GPU type of location 'north'"),
    (R, "north,n1", "north,n9", r"running\.csv, row 2, column machine: 'n9' is not a known machine of 'north'"),
    (R, "SS,1,a", "SS,-1,a", r"running\.csv, row 2, column instances: -1 instances is less than the limit 0"),
    (R, "LL,2", "XL,2", r"running\.csv, row 3, column request_class: 'XL' is not a known class"),
]


@pytest.mark.parametrize(("file", "old", "new", "message"), TABLE_FAULTS)
def test_table_fault_names_its_row_and_column(folder: Path, file: str, old: str, new: str, message: str) -> None:
    edit(folder, file, old, new)
    with pytest.raises(ScenarioError, match=message):
        load_scenario(folder)


@pytest.mark.parametrize("file", ["scenario.yaml", "profiles.csv", "slo.csv", "demand.csv", "carbon.csv", "prices.csv"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"\x00" * 10])
def test_empty_and_binary_files_are_refused_by_name(folder: Path, file: str, content: bytes) -> None:
    (folder / file).write_bytes(content)
    with pytest.raises(ScenarioError, match=file):
        load_scenario(folder)


@pytest.mark.parametrize("file", ["profiles.csv", "slo.csv", "demand.csv", "carbon.csv", "prices.csv", "machines.csv"])
def test_a_header_alone_is_refused(folder: Path, file: str) -> None:
    header = (folder / file).read_text().splitlines()[0]
    (folder / file).write_text(header + "\n")
    with pytest.raises(ScenarioError, match=rf"{file}: a header and no rows"):
        load_scenario(folder)


@pytest.mark.parametrize("file", ["scenario.yaml", "profiles.csv", "slo.csv", "demand.csv", "carbon.csv"])
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(ScenarioError, match=rf"{file}: no such file in {folder}"):
        load_scenario(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"nowhere is not a folder"):
        load_scenario(tmp_path / "nowhere")


def test_a_file_too_large_is_refused(folder: Path) -> None:
    with (folder / "demand.csv").open("ab") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    with pytest.raises(ScenarioError, match=r"demand\.csv: more than the limit of 67108864 bytes"):
        load_scenario(folder)


def test_yaml_nested_too_deeply_is_refused(folder: Path) -> None:
    (folder / "scenario.yaml").write_text("[" * 20_000)
    with pytest.raises(ScenarioError, match=r"scenario\.yaml"):
        load_scenario(folder)


def test_a_misspelt_optional_table_is_not_passed_over(folder: Path) -> None:
    (folder / "prices.csv").rename(folder / "price.csv")
    with pytest.raises(ScenarioError, match=r"price\.csv: unknown table; nearest known name is 'prices\.csv'"):
        load_scenario(folder)


def test_cost_needs_prices(folder: Path) -> None:
    (folder / "prices.csv").unlink()
    assert load_scenario(folder).prices == ()
    edit(folder, "scenario.yaml", "objective: carbon", "objective: cost")
    with pytest.raises(ScenarioError, match=r"scenario\.yaml, objective: 'cost' needs prices\.csv, and there is none"):
        load_scenario(folder)


def test_an_origin_that_nobody_names_or_allows_is_a_slip(folder: Path) -> None:
    edit(folder, "scenario.yaml", "power_cap_w: 9000", "allowed_origins: [us, eu]")
    assert load_scenario(folder).demand
    text = (folder / "demand.csv").read_text().replace(",us,", ",uss,")
    (folder / "demand.csv").write_text(text)
    with pytest.raises(ScenarioError, match=r"column origin: 'uss' is not a known origin; nearest known name is 'us'"):
        load_scenario(folder)
    (folder / "demand.csv").write_text(text.replace(",uss,", ",,"))
    with pytest.raises(ScenarioError, match=r"row 18: names no origin, and no location allows 'any'"):
        load_scenario(folder)


def test_a_row_must_name_its_tier_when_there_is_no_default(folder: Path) -> None:
    edit(folder, "scenario.yaml", "tiers: [{name: default},", "tiers: [{name: gold},")
    text = (folder / "slo.csv").read_text().replace(",default\n", ",\n")
    (folder / "slo.csv").write_text(text)
    with pytest.raises(ScenarioError, match=r"slo\.csv, row 2: names no tier, and 'default' is not one of"):
        load_scenario(folder)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (",small\n", r"profiles\.csv: no row for model 'small'"),
        ("a,LL,", r"profiles\.csv: no row for model 'default', partition 'a', class 'LL'"),
    ],
)
def test_profiles_cover_what_is_planned(folder: Path, pattern: str, message: str) -> None:
    lines = (folder / "profiles.csv").read_text().splitlines(keepends=True)
    (folder / "profiles.csv").write_text("".join(line for line in lines if pattern not in line))
    with pytest.raises(ScenarioError, match=message):
        load_scenario(folder)


def test_a_partition_nobody_profiled_is_refused(folder: Path) -> None:
    edit(folder, "scenario.yaml", "models:", "  - {name: b, classes: [X, Y], answer_tokens: 444}\nmodels:")
    with pytest.raises(ScenarioError, match=r"profiles\.csv: no row for partition 'b'"):
        load_scenario(folder)


def test_demand_covers_every_class(folder: Path) -> None:
    lines = (folder / "demand.csv").read_text().splitlines(keepends=True)
    (folder / "demand.csv").write_text("".join(line for line in lines if not line.startswith("a,LL,")))
    with pytest.raises(ScenarioError, match=r"demand\.csv: no row for partition 'a', class 'LL', model 'default'"):
        load_scenario(folder)
