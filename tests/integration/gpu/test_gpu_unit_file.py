"""The systemd unit: its commands are ours, with options that exist; systemd's own check where it is installed."""

import configparser
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import typer.main

from freesh_plugin.main import app
from tests.fakes.nvml.helpers import ROOT

UNIT = ROOT / "deploy" / "systemd" / "freesh-gpu-helper.service"


def test_its_commands_are_ours() -> None:
    lines = dict(
        line.split("=", 1) for line in UNIT.read_text(encoding="utf-8").splitlines() if line.startswith("Exec")
    )
    assert set(lines) == {"ExecStart", "ExecStopPost"}
    for line in lines.values():
        program, *arguments = shlex.split(line)
        assert Path(program).name == "freesh"
        command = typer.main.get_command(app)
        context = command.make_context("freesh", arguments, resilient_parsing=True)
        name, found, rest = command.resolve_command(context, arguments)  # type: ignore[attr-defined]
        found.make_context(name, rest, resilient_parsing=True)


def test_it_is_started_anew_however_often_it_ends() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read_string(UNIT.read_text(encoding="utf-8"))
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    assert (unit["Service"]["Restart"], unit["Service"]["RestartSec"]) == ("always", "1")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_understands_it(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/freesh/bin/freesh", "/bin/true"), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
