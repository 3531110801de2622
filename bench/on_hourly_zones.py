"""A measurement on the hourly carbon of twelve zones: converted, measured, recorded."""

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import convert_hourly_zones
from bench.record import record


def measure(name: str, run: Callable[[Path], object], code: Sequence[Path]) -> None:
    """Record what `run` makes of the converted table as the result of `python -m bench.NAME`."""
    folder = os.environ.get("FREESH_DATA")
    if not folder:
        raise SystemExit("FREESH_DATA is not set: it names the folder of the public data sets")
    source = Path(folder) / convert_hourly_zones.SOURCE
    with tempfile.TemporaryDirectory() as scratch:
        table = Path(scratch) / "zones.parquet"
        convert_hourly_zones.convert(source, table)
        results = run(table)
    record(name, command=f"python -m bench.{name}", inputs=[source], code=code, results=results)
