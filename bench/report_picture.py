"""Draws the head of an evaluation's report for the README, as headless Chromium shows it.

Usage: python -m bench.report_picture FOLDER   (of `python -m models evaluate -o FOLDER`)
"""

import sys
import tempfile
from pathlib import Path

from bench.record import ROOT
from models.evaluate.report.write import write_report
from tests.browser.chromium import CHROMIUM, chromium

PICTURE = ROOT / "docs" / "images" / "simulator-report.png"
WIDTH_PX, LAST = 1040, "layers"
"""Width of the screen, and the section before which the picture ends."""


def main() -> int:
    """Draw the report again and take its picture."""
    if len(sys.argv) != 2:
        sys.stderr.write(f"{__doc__}")
        return 2
    if CHROMIUM is None:
        sys.stderr.write("chromium is not installed: `make setup-system` installs it\n")
        return 2
    report = write_report(Path(sys.argv[1]))
    with tempfile.TemporaryDirectory() as profile, chromium(Path(profile)) as page:
        page.show(report.resolve().as_uri(), WIDTH_PX)
        page.picture(PICTURE, float(page.value(f"document.getElementById('{LAST}').offsetTop")))
    sys.stdout.write(f"{PICTURE}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
