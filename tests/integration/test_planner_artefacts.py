"""The three ways of the planner into an existing Airflow, each in an environment without a checkout.

No engine of containers and no package index is at hand in a test: libraries come from this environment's own
site-packages, put on the path of a fresh one without the checkout that an editable install adds.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
DAGS = {"freesh_traffic", "freesh_carbon", "freesh_prices", "freesh_plan", "freesh_watch"}

READ = """
import json, logging, sys
from pathlib import Path
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import BundleDagBag
(bundle,) = DagBundlesManager().get_all_dag_bundles()
bundle.initialize()
bag = BundleDagBag(bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
import models.refresh.jobs, dags.policy
packages = [sys.modules[name] for name in ("models", "dags", "freesh_plugin")]
where = {str(Path(package.__file__).resolve()) for package in packages}
read = sorted(each.file for each in bag.dagbag_stats)
told = {"dags": sorted(bag.dags), "errors": bag.import_errors, "where": sorted(where), "read": read}
print("READ " + json.dumps(told))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Interpreter of a fresh environment that has the libraries and not the checkout."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(folder, with_pip=True, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    # A path in a .pth file is put on the path; the .pth files in it, the editable install's among them, are not read.
    (site / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    python = folder / "bin" / "python"
    done = subprocess.run([python, "-c", "import models"], cwd="/", capture_output=True, check=False)
    assert done.returncode != 0, "the checkout must not be on the path"
    return python


def read_dags(python: Path, home: Path, **env: str) -> dict[str, object]:
    """What an Airflow in that environment reads from its bundles."""
    settings = {
        "PATH": os.environ["PATH"],
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
    }
    done = subprocess.run(
        [python, "-W", "ignore", "-c", READ], cwd="/", env=settings | env, capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("READ ")]
    assert lines, done.stdout + done.stderr
    told: dict[str, object] = json.loads(lines[-1].removeprefix("READ "))
    assert told["errors"] == {}
    assert set(told["dags"]) == DAGS  # type: ignore[call-overload]  # JSON
    return told


def under(folder: Path, told: dict[str, object]) -> bool:
    """Whether every package was imported from that folder."""
    where = told["where"]
    assert isinstance(where, list)
    return len(where) == 3 and all(Path(each).is_relative_to(folder.resolve()) for each in where)


def test_the_image_holds_what_the_dags_need(python: Path, tmp_path: Path) -> None:
    """What the Dockerfile copies and sets, done in a folder."""
    text = (ROOT / "deploy" / "docker" / "planner.Dockerfile").read_text(encoding="utf-8")
    image = tmp_path / "image"
    for source, target in re.findall(r"^COPY (\S+) /(\S+)$", text, flags=re.MULTILINE):
        _copy(ROOT / source, image / target)
    env = dict(re.findall(r"^ENV (\w+)=(\S+)$", text, flags=re.MULTILINE))
    told = read_dags(python, tmp_path, **{key: value.replace("/opt", f"{image}/opt") for key, value in env.items()})
    assert under(image / "opt" / "freesh", told)
    kept = (ROOT / "deploy" / "docker" / "planner.Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    copied = re.findall(r"^COPY (\S+) ", text, flags=re.MULTILINE)
    assert {line[1:] for line in kept if line.startswith("!")} == set(copied)


def test_the_repository_is_a_bundle(python: Path, tmp_path: Path) -> None:
    """As a Git bundle has it: the whole tree, which Airflow puts on the path."""
    tree = tmp_path / "tree"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        if (ROOT / name).is_file():
            _copy(ROOT / name, tree / name)
    told = read_dags(python, tmp_path, **_bundle(tree))
    assert under(tree, told)
    assert told["read"] == [f"dags/{name}.py" for name in sorted(DAGS)], "nothing else is read"


def test_the_wheels_go_into_an_airflow_that_is_there(python: Path, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    for folder in (ROOT, ROOT / "deploy" / "planner"):
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels],
            cwd=folder,
            check=True,
            capture_output=True,
        )
    files = sorted(wheels.glob("*.whl"))
    assert [each.name.split("-")[0] for each in files] == ["freesh_planner", "freesh_plugin"]
    pip = [
        str(python),
        "-m",
        "pip",
        "install",
        "--no-index",
        "--quiet",
        "--disable-pip-version-check",
        *map(str, files),
    ]
    # With dependencies: pip finds every need of the planner's wheel among the libraries, or says which is missing.
    done = subprocess.run(pip, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stderr
    where = subprocess.run(
        [python, "-c", "import dags; print(*dags.__path__)"], cwd="/", capture_output=True, text=True, check=True
    ).stdout.strip()
    told = read_dags(python, tmp_path, **_bundle(Path(where)))
    assert under(python.parents[1], told)


def _bundle(folder: Path) -> dict[str, str]:
    bundles = [
        {
            "name": "freesh",
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(folder)},
        }
    ]
    return {"AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles)}


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, target)
