"""What the runs of an hour are made from: this code, settings that were tuned, the hour, and the data sets it reads."""

from collections.abc import Iterator
from pathlib import Path

from models.evaluate.hour_traffic import AZURE, SERVEGEN
from models.evaluate.hours import Hour
from models.evaluate.public_grids import DACF, PRICES, ZONES
from models.evaluate.run_files import fingerprint
from models.evaluate.tuned import TUNED

SYNTHETIC = "synthetic"


def made_from(hour: Hour, data: Path | None) -> str:
    """Fingerprint of all that a run of the hour hangs on.

    The data sets count by their content, some 15 MB and a few hundredths of a second an hour: so runs are done again
    where a set differs, and are kept where the same sets lie in another folder. A synthetic hour reads none of them.
    """
    reads = data is not None and (hour.carbon_data, hour.traffic) != (SYNTHETIC, SYNTHETIC)
    sets = _data_sets(data) if data is not None and reads else ()
    return fingerprint([each for each in (TUNED, *sets) if each.is_file()], repr(hour))


def _data_sets(folder: Path) -> Iterator[Path]:
    """Files that an hour may read; of one that is missing it is said when it is read."""
    yield from (folder / each for each in (DACF, ZONES, PRICES, SERVEGEN))
    azure = folder / AZURE
    yield from sorted(azure.iterdir()) if azure.is_dir() else ()
