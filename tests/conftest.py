"""What all tests share: the folder of the public data, and a ledger of expected skips."""

import fnmatch
import os
from pathlib import Path

import pytest

EXPECTED_SKIPS = Path(__file__).parent / "expected_skips.txt"


@pytest.fixture(scope="session")
def freesh_data() -> Path:
    """Folder of the public data sets, named by FREESH_DATA."""
    folder = os.environ.get("FREESH_DATA")
    if not folder:
        pytest.skip("FREESH_DATA is not set: it names the folder of the public data sets")
    return Path(folder)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--fail-on-unexpected-skips`."""
    parser.addoption(
        "--fail-on-unexpected-skips",
        action="store_true",
        help=f"fail when a test is skipped that {EXPECTED_SKIPS.name} does not list",
    )


class _SkipLedger:
    """Collects skips and fails the run when one is not listed."""

    def __init__(self) -> None:
        self.unexpected: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            line = f"{report.nodeid} | {reason.removeprefix('Skipped: ')}"
            if not any(fnmatch.fnmatchcase(line, pattern) for pattern in expected_skips()):
                self.unexpected.append(line)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unexpected and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self.unexpected:
            terminalreporter.write_line(f"unexpected skip: {line}", red=True)


def expected_skips() -> list[str]:
    """Patterns `test id | reason` of skips that are fine, one a line, `*` matching anything."""
    lines = EXPECTED_SKIPS.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def pytest_configure(config: pytest.Config) -> None:
    """Keep the ledger when asked to."""
    if config.getoption("--fail-on-unexpected-skips"):
        config.pluginmanager.register(_SkipLedger(), "skip-ledger")
