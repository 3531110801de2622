"""What came of a run of the fleet, with its rows."""

from models.simulator.fleet_record import FleetRecord
from models.simulator.fleet_rows import RunNames, class_rows, run_row
from models.simulator.fleet_series import series_rows
from models.simulator.run_scores import ClassScores, RunScores, SeriesRow


class FleetRun(FleetRecord):
    """One run, and the rows that tables are made of."""

    def scores(self, *, policy: str, hour: str, scenario: str, seed: int) -> RunScores:
        """The run in numbers."""
        return run_row(self, RunNames(policy, hour, scenario, seed))

    def classes(self, *, policy: str, hour: str, scenario: str, seed: int) -> list[ClassScores]:
        """Its request classes, by true lengths."""
        return class_rows(self, RunNames(policy, hour, scenario, seed))

    def series(self, *, policy: str, hour: str, scenario: str, seed: int) -> list[SeriesRow]:
        """Its locations by slot."""
        return series_rows(self, RunNames(policy, hour, scenario, seed))
