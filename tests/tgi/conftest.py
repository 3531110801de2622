"""TGI's own Python server on the CPU: tiny models, shards that live as long as the session, and a client of theirs."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fakes.tgi.hooked_python import make_hooked_python
from tests.fakes.tgi.server import Shards, ShardSettings, TgiModel, serve_shards

__all__ = ["TgiModel"]

MAKE_MODEL = Path(__file__).parents[1] / "fakes/tgi/tiny_models.py"


@pytest.fixture(scope="session")
def tgi_python() -> Path:
    """An interpreter that can import text_generation_server, named by FREESH_TGI_PYTHON."""
    named = os.environ.get("FREESH_TGI_PYTHON")
    if not named:
        pytest.skip("FREESH_TGI_PYTHON is not set: it names an interpreter that can import text_generation_server")
    return Path(named)


@pytest.fixture(scope="session")
def tgi_hooked_python(tgi_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TGI's interpreter with the plugin's wheel installed beside it, in an environment of its own."""
    return make_hooked_python(tgi_python, tmp_path_factory.mktemp("hooked"))


@pytest.fixture(scope="session")
def tgi_model_folder(tgi_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a tiny model, made at its first use."""
    root = tmp_path_factory.mktemp("models")

    def folder(kind: str) -> Path:
        path = root / kind
        if not path.exists():
            subprocess.run([tgi_python, MAKE_MODEL, kind, path], check=True, timeout=120)
        return path

    return folder


@pytest.fixture(scope="session")
def tgi_model(tgi_python: Path, tgi_hooked_python: Path, tgi_model_folder: Callable[[str], Path]) -> Iterator[TgiModel]:
    """Running shards of a tiny model, started at first use and kept to the session's end."""
    running: dict[tuple[str, int, bool], Shards] = {}
    with ExitStack() as stack:

        def start(kind: str, ranks: int = 1, hook: bool = True) -> Shards:
            key = kind, ranks, hook
            if key not in running:
                python = tgi_hooked_python if hook else tgi_python
                settings = ShardSettings(python, tgi_python, tgi_model_folder(kind), kind == "llama", ranks, hook)
                running[key] = stack.enter_context(serve_shards(settings))
            return running[key]

        yield start
