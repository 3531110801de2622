"""Version, Python and needs of the planner's wheel, read from the repository's own pyproject.toml."""

import tomllib
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class CustomMetadataHook(MetadataHookInterface):
    """Airflow itself is not among the needs: the wheel goes into an Airflow that is there."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in what is dynamic."""
        whole = tomllib.loads((Path(self.root).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
        project = whole["project"]
        metadata["version"] = project["version"]
        metadata["requires-python"] = project["requires-python"]
        metadata["dependencies"] = [f"{project['name']}=={project['version']}", *whole["dependency-groups"]["planner"]]
