"""The evaluation over the hours of `bench/hours.csv`: every policy, the layers, the bound; simulated.

Runs are kept in `build/evaluation`, and done again only where code or inputs changed; about three hours of a processor,
estimated. The report's tables, all but the series, and the summary are recorded in `bench/results/evaluation`.

Usage: FREESH_DATA=FOLDER python -m bench.evaluation   (the arguments of `python -m models evaluate`, but for -o)
"""

import shutil
import subprocess
import sys

from bench.record import RESULTS, ROOT
from models.evaluate.report.results import BOUNDS, CLASSES, LAYERS, RUNS, SUMMARY, TRADEOFF

RECORDED = RESULTS / "evaluation"
FOLDER = ROOT / "build" / "evaluation"


def main() -> int:
    """Evaluate and record."""
    command = [sys.executable, "-m", "models", "evaluate", "-o", str(FOLDER), *sys.argv[1:]]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    if status:
        return status
    RECORDED.mkdir(exist_ok=True)
    for name in (RUNS, CLASSES, LAYERS, BOUNDS, TRADEOFF, SUMMARY):
        shutil.copyfile(FOLDER / name, RECORDED / name)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
