"""One reader for all kinds of recorded requests."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from freesh_plugin.core.errors import ConfigError
from models.domain.workload import Workload
from models.sources.scenario.spot import nearest
from models.sources.workload import azure, mooncake, own_table, servegen
from models.sources.workload.dressing import dressed
from models.sources.workload.length_draws import LengthDraws, PairsOfTrace, QuantilesOfClients
from models.sources.workload.rated import RatedSettings, rated_workload
from models.sources.workload.read_settings import FromRates, ReadSettings
from models.sources.workload.recorded import Trace, recorded
from models.sources.workload.scaling import scaled

RATES = "servegen"
"""The kind that is rates, of which requests are made."""


def read_workload(kind: str, path: Path, settings: ReadSettings | None = None) -> Workload:
    """The requests of a trace, all of it checked.

    Args:
        kind: One of `KINDS`.
        path: The file, or for Azure the folder of several, which are merged.
        settings: What is taken and what is added.

    Raises:
        ConfigError: an unknown kind, settings that are not for it, or a rate that scaling cannot reach.
        SourceError: the trace is missing, wrong, or has no request in the time that is asked for.
    """
    if kind not in KINDS:
        raise ConfigError(f"kind of workload {kind!r} is unknown{nearest(kind, list(KINDS))}")
    chosen = settings or ReadSettings()
    if (chosen.rates is not None) != (kind == RATES):
        raise ConfigError(f"settings of rates are for kind {RATES!r}, which needs them; the kind is {kind!r}")
    if kind == RATES and chosen.scaling is not None:
        raise ConfigError(f"kind {RATES!r} is scaled by its own mean_rps, not by {chosen.scaling.method}")
    return KINDS[kind](path, chosen)


def _azure(path: Path, settings: ReadSettings) -> Workload:
    files = azure.azure_files(path)
    name = " + ".join(each.name.removeprefix("AzureLLMInferenceTrace_").partition(".")[0] for each in files)
    trace = Trace(f"Azure 2023 {name}", azure.SOURCE, lambda: azure.azure_requests(files, settings.max_new_tokens))
    return _read(trace, settings)


def _mooncake(path: Path, settings: ReadSettings) -> Workload:
    trace = Trace(
        f"Mooncake {path.name.partition('.')[0]}",
        mooncake.SOURCE,
        lambda: mooncake.mooncake_requests(path, settings.max_new_tokens),
    )
    return _read(trace, settings)


def _csv(path: Path, settings: ReadSettings) -> Workload:
    present = own_table.own_columns(path).present
    most, names = settings.max_new_tokens, settings.names
    trace = Trace(path.name, "the operator's own", lambda: own_table.own_requests(path, most, names))
    dress = settings.dress
    if "client" in present:
        dress = replace(dress, clients=0)
    if "origin" in present:
        dress = replace(dress, origins=None)
    return _read(trace, replace(settings, dress=dress))


def _read(trace: Trace, settings: ReadSettings) -> Workload:
    workload = recorded(trace, settings.start_s, settings.duration_s)
    if settings.scaling is not None:
        workload = scaled(workload, settings.scaling)
    return dressed(workload, settings.dress)


def _servegen(path: Path, settings: ReadSettings) -> Workload:
    rates = settings.rates
    assert rates is not None, "seen to by read_workload"
    by_client = servegen.is_by_client(path)
    clients = servegen.client_rates(path, rates.series) if by_client else {0: _all_clients(path, rates)}
    end_s = max(each.rates.end_s for each in clients.values())
    workload = rated_workload(
        f"ServeGen {rates.series} from {settings.start_s:g} s",
        servegen.SOURCE,
        clients,
        _lengths(rates, by_client),
        RatedSettings(
            settings.start_s, settings.duration_s or end_s - settings.start_s, rates.mean_rps, rates.seed,
            settings.max_new_tokens,
        ),
    )  # fmt: skip
    return dressed(workload, replace(settings.dress, clients=0) if by_client else settings.dress)


def _all_clients(path: Path, rates: FromRates) -> servegen.ClientRates:
    total = servegen.total_rates(path, rates.series)
    return servegen.ClientRates(total, np.full(len(total.rates), rates.cv))


def _lengths(rates: FromRates, by_client: bool) -> LengthDraws:
    files = azure.azure_files(rates.lengths)
    pairs = _pairs(tuple((each, each.stat().st_mtime_ns if each.exists() else 0) for each in files))
    if rates.quantiles is None:
        return pairs
    if not by_client:
        raise ConfigError("quantiles are by client, and these rates are of all clients together")
    return QuantilesOfClients(rates.quantiles, rates.series, pairs)


@lru_cache(maxsize=4)
def _pairs(files: tuple[tuple[Path, int], ...]) -> PairsOfTrace:
    """Lengths of files as they were changed last."""
    paths = [path for path, _ in files]
    names = " and ".join(each.name for each in paths)
    return PairsOfTrace(azure.azure_requests(paths, azure.ANY_LENGTH), f"pairs of {names} ({azure.SOURCE})")


KINDS: dict[str, Callable[[Path, ReadSettings], Workload]] = {
    "azure": _azure,
    "mooncake": _mooncake,
    RATES: _servegen,
    "csv": _csv,
}
"""Kinds of traces by name."""
