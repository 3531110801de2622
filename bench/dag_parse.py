"""How long each DAG file takes to read, in a fresh process with Airflow loaded, as its dag-processor has it."""

import json
import statistics
import subprocess
import sys
import tempfile

from bench.record import ROOT, is_current, record

FILES = ("freesh_traffic", "freesh_carbon", "freesh_prices", "freesh_plan", "freesh_watch")
REPEATS = 5
LIMIT_S = 2.0

_READ = """
import json, sys, time
import airflow.sdk
start = time.perf_counter()
__import__(f"dags.{sys.argv[1]}")
print(json.dumps(time.perf_counter() - start))
"""


def read_s(name: str, home: str) -> float:
    """Seconds to import one DAG file."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _READ, name],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": home, "AIRFLOW_HOME": home, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Measure every file; more than the limit is an error."""
    code = [ROOT / "dags", ROOT / "bench" / "dag_parse.py"]
    if is_current("dag_parse", [], code):
        return
    with tempfile.TemporaryDirectory() as home:
        times = {name: sorted(read_s(name, home) for _ in range(REPEATS)) for name in FILES}
    rows = [
        {"file": f"dags/{name}.py", "median_s": round(statistics.median(each), 3), "worst_s": round(each[-1], 3)}
        for name, each in times.items()
    ]
    record(
        "dag_parse",
        command="python -m bench.dag_parse",
        inputs=[],
        code=code,
        results={"limit_s": LIMIT_S, "rows": rows},
    )
    slow = [row for row in rows if float(str(row["worst_s"])) > LIMIT_S]
    if slow:
        raise SystemExit(f"slower than {LIMIT_S} s: {slow}")


if __name__ == "__main__":
    main()
