"""A recorded result: what was measured, by which command, on which versions and inputs; one JSON file a cell."""

import hashlib
import json
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
ROOT = Path(__file__).parent.parent
_LIBRARIES = ("highspy", "numpy", "pandas", "pyomo", "scikit-learn", "statsmodels", "swiglpk")


def fingerprint(paths: Iterable[Path]) -> str:
    """SHA-256 over names and contents of files, folders taken whole (Python, CSV, parquet, YAML, JSON, gz)."""
    digest = hashlib.sha256()
    for path in sorted(_files(paths)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_current(name: str, inputs: Sequence[Path], code: Sequence[Path]) -> bool:
    """Whether the recorded result was made from these very inputs and this very code."""
    path = RESULTS / f"{name}.json"
    if not path.is_file():
        return False
    known = json.loads(path.read_text(encoding="utf-8")).get("fingerprint", {})
    return bool(known == {"inputs": fingerprint(inputs), "code": fingerprint(code)})


def record(name: str, *, command: str, inputs: Sequence[Path], code: Sequence[Path], results: object) -> Path:
    """Write `bench/results/NAME.json` and return its path. `results` must be plain JSON data."""
    document = {
        "name": name,
        "command": command,
        "recorded_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "libraries": {library: version(library) for library in _LIBRARIES},
        "calibration_sort_1000_floats_us": calibration_us(),
        "inputs": sorted(path.name for path in inputs),
        "fingerprint": {"inputs": fingerprint(inputs), "code": fingerprint(code)},
        "results": results,
    }
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return path


def calibration_us(repeats: int = 200) -> dict[str, float]:
    """The calibration line: p50 and p99 of sorting 1,000 floats on this machine, now, in microseconds."""
    numbers = [((i * 7919) % 1000) / 7 for i in range(1000)]
    times = sorted(seconds(lambda: sorted(numbers)) for _ in range(repeats))
    return {"p50": times[repeats // 2] * 1e6, "p99": times[int(repeats * 0.99)] * 1e6}


def seconds(work: Callable[[], Any]) -> float:
    """Wall-clock seconds that a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _files(paths: Iterable[Path]) -> Iterable[Path]:
    kinds = {".py", ".csv", ".parquet", ".yaml", ".json", ".gz"}
    for path in paths:
        if path.is_dir():
            yield from (each for each in path.rglob("*") if each.suffix in kinds)
        else:
            yield path
