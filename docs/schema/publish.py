"""Writes the published JSON Schema of the plan beside this file: `python docs/schema/publish.py`."""

import json
import sys
from pathlib import Path

from freesh_plugin.core.plan import SCHEMA_VERSION
from freesh_plugin.core.plan_json import plan_schema


def main() -> None:
    """Write `plan-<version>.json` and say where."""
    path = Path(__file__).parent / f"plan-{SCHEMA_VERSION}.json"
    path.write_text(json.dumps(plan_schema(), indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
