"""The token-level profiles that the plugin brings, for scenarios that have none of their own."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import as_file, files

from freesh_plugin.core.profile import TokenTable
from freesh_plugin.core.profile_document import decode_profile


@dataclass(frozen=True)
class NamedProfile:
    """A profile and what it is of: a model on so many GPUs of a type."""

    gpu_type: str
    gpus: int
    model: str
    mode: str
    table: TokenTable


def shipped_profiles() -> tuple[NamedProfile, ...]:
    """The modelled profiles that the plugin brings, by file name."""
    return tuple(_shipped())


def _shipped() -> Iterator[NamedProfile]:
    with as_file(files("freesh_plugin") / "data") as folder:
        for path in sorted(folder.glob("*.json")):
            own = decode_profile(path.read_bytes())
            yield NamedProfile(own.gpu, own.gpus, own.model, own.mode, own.table())
