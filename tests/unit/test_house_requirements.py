"""The pinned requirements: every version hashed, no address in them, and every need of pyproject.toml met."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
GROUPS = {
    "dev.txt": ("planner", "glpk", "airflow", "test", "lint", "build"),
    "planner.txt": ("planner", "airflow"),
    "plugin.txt": (),
    "plugin-tgi.txt": (),
}
EXTRAS = {"dev.txt": ("tgi", "nvml"), "plugin-tgi.txt": ("tgi", "nvml")}
PINNED = ["boot.txt", *GROUPS, *(f"clients-{name}.txt" for name in ("text-generation", "huggingface-hub", "openai"))]


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def entries(name: str) -> list[str]:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def pins(name: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for entry in entries(name):
        requirement = Requirement(entry.split("--hash")[0].strip())
        (specifier,) = requirement.specifier
        found.append((str(canonicalize_name(requirement.name)), specifier.version))
    return found


@pytest.mark.parametrize("name", PINNED)
def test_every_pin_is_exact_and_hashed(name: str) -> None:
    for entry in entries(name):
        assert re.match(r"^[A-Za-z0-9._\[\],-]+==", entry), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry


@pytest.mark.parametrize("name", PINNED)
def test_no_address_is_recorded(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    assert not re.search(r"://|^-|--index|--find-links", text, flags=re.MULTILINE)


@pytest.mark.parametrize("name", GROUPS)
def test_the_pins_meet_what_the_project_asks_for(name: str) -> None:
    document = project()
    wanted = [] if name == "planner.txt" else list(document["project"]["dependencies"])
    for group in GROUPS[name]:
        wanted += document["dependency-groups"][group]
    for extra in EXTRAS.get(name, ()):
        wanted += document["project"]["optional-dependencies"][extra]
    pinned = pins(name)
    for requirement in map(Requirement, wanted):
        versions = [version for pin, version in pinned if pin == canonicalize_name(requirement.name)]
        assert versions, f"{requirement.name} is not in {name}: run `make lock`"
        assert all(requirement.specifier.contains(version) for version in versions), f"{requirement} in {name}"


def test_gpl_stays_out_of_the_images() -> None:
    assert "swiglpk" not in {pin for pin, _ in pins("planner.txt") + pins("plugin-tgi.txt")}
