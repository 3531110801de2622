"""Settings of the runtime, read once from environment variables: TGI's launcher hands flags to nobody but itself."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from freesh_plugin.core.errors import ConfigError

PREFIX = "FREESH_"

TOKEN_CHARACTERS = (16, 512)
"""Least and greatest length of a token."""

POLICIES = ("llf", "edf", "srtf", "fcfs")
"""Orders in which requests can be served."""

GPUS = ("none", "nvml", "simulated")
"""What is known of the GPUs: nothing, what NVIDIA's driver says, what a simulation says."""

GOVERNORS = ("observe", "miad", "hysteresis", "static")
"""How the SM clock is governed."""

_OF_OTHER_PROGRAMS = frozenset({"FREESH_DATA"})

# Kubernetes describes each Service of a namespace to every pod: one named `freesh-admin` sets FREESH_ADMIN_PORT.
_SERVICE_KEY = re.compile(r"_SERVICE_(HOST|PORT)(_|$)|_PORT_\d+_(TCP|UDP|SCTP)(_|$)")
_SERVICE_VALUE = re.compile(r"(tcp|udp|sctp)://")


def _text(value: str) -> str:
    if not value.strip() or not value.isprintable() or len(value) > 200:
        raise ValueError(f"has {len(value)} characters, expected 1 to 200 printable ones")
    return value


def _path(value: str) -> Path:
    if not value.strip() or "\0" in value:
        raise ValueError(f"{value!r} is not a path")
    return Path(value).expanduser()


def _whole(unit: str, least: int, most: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", value):
            raise ValueError(f"{value!r} is not a whole number ({unit})")
        if not least <= int(value) <= most:
            raise ValueError(f"{value} is out of range, limits {least} and {most} ({unit})")
        return int(value)

    return parse


def _number(unit: str, least: float, most: float) -> Callable[[str], float]:
    def parse(value: str) -> float:
        if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", value):
            raise ValueError(f"{value!r} is not a number ({unit})")
        if not least <= float(value) <= most:
            raise ValueError(f"{value} is out of range, limits {least:g} and {most:g} ({unit})")
        return float(value)

    return parse


def _switch(value: str) -> bool:
    if value not in ("0", "1"):
        raise ValueError(f"{value!r} is neither 0 nor 1")
    return value == "1"


def _one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value.lower() not in words:
            raise ValueError(f"{value!r} is none of {', '.join(words)}")
        return value.lower()

    return parse


def _uuids(value: str) -> tuple[str, ...]:
    uuids = tuple(each.strip() for each in value.split(",") if each.strip())
    for each in uuids:
        if not re.fullmatch(r"GPU-[0-9A-Za-z-]{1,64}", each):
            raise ValueError(f"{each!r} is not the UUID of a GPU (`nvidia-smi -L` lists them)")
    if len(set(uuids)) < len(uuids):
        raise ValueError("a GPU is named twice")
    return uuids


def _level(value: str) -> str:
    levels = ("DEBUG", "INFO", "WARNING", "ERROR")
    if value.upper() not in levels:
        raise ValueError(f"{value!r} is none of {', '.join(levels)}")
    return value.upper()


def checked_token(value: str) -> str:
    """The token, if it is one that a header can carry and nobody guesses.

    Raises:
        ValueError: too short, too long, or other than visible ASCII; the message does not hold the token.
    """
    least, most = TOKEN_CHARACTERS
    if not least <= len(value) <= most:
        raise ValueError(f"the token has {len(value)} characters, limits {least} and {most} characters")
    if not re.fullmatch(r"[!-~]+", value):
        raise ValueError("the token has characters other than visible ASCII")
    return value


@dataclass(frozen=True)
class PluginConfig:
    """Every setting; the environment variable of `admin_port` is `FREESH_ADMIN_PORT`, and so on."""

    state_dir: Path = field(metadata={"parse": _path})
    """Folder of what must survive a restart; one process at a time."""
    name: str = field(default="freesh", metadata={"parse": _text})
    """What this runtime calls itself in its status."""
    admin_host: str = field(default="127.0.0.1", metadata={"parse": _text})
    """Address of the admin port; another than a loopback address needs `allow_remote` and a token of your own."""
    admin_port: int = field(default=9480, metadata={"parse": _whole("port", 0, 65_535)})
    """Port of the plan API; 0 takes a free one."""
    allow_remote: bool = field(default=False, metadata={"parse": _switch})
    """Whether the admin port may listen on an address that other machines reach."""
    plan_token: str | None = field(default=None, metadata={"parse": checked_token}, repr=False)
    """Token that the plan API asks for."""
    plan_token_file: Path | None = field(default=None, metadata={"parse": _path})
    """File that holds the token; without either, one is made in `state_dir`."""
    max_plan_lead_s: int = field(default=21_600, metadata={"parse": _whole("seconds", 1_800, 172_800)})
    """How far ahead of now a plan may start."""
    log_level: str = field(default="INFO", metadata={"parse": _level})
    """Least level of what is logged."""
    location: str | None = field(default=None, metadata={"parse": _text})
    """Location of this router in the plan; unset = the pools of all locations count."""
    model: str | None = field(default=None, metadata={"parse": _text})
    """Model of this router in the plan; unset = the plan's only model."""
    pool_mode: str | None = field(default=None, metadata={"parse": _text})
    """Mode (GPUs and clock) of this router in the plan, whose clock bounds count; unset = the tightest of all here."""
    policy: str = field(default="llf", metadata={"parse": _one_of(POLICIES)})
    """Order in which requests are served."""
    deadline_factor: float = field(default=1.4, metadata={"parse": _number("times the predicted latency", 1, 100)})
    """Deadline of a request that no plan and no header gives one, over its predicted latency."""
    leg_tokens: int = field(default=1024, metadata={"parse": _whole("tokens", 16, 1_000_000)})
    """Most answer tokens for which memory is set aside at once; a longer answer goes on in another leg."""
    exact_ids: bool = field(default=False, metadata={"parse": _switch})
    """Whether shards are asked to take exact token ids; read by the hook in the shard."""
    shard_timeout_s: float = field(default=120.0, metadata={"parse": _number("seconds", 0.1, 3_600)})
    """Time for a shard to answer one call; then it counts as hung."""
    drain_s: float = field(default=80.0, metadata={"parse": _number("seconds", 0, 3_600)})
    """Time for requests under way to end after SIGTERM; TGI's launcher kills after 90 s."""
    stall_s: float = field(default=60.0, metadata={"parse": _number("seconds", 1, 3_600)})
    """A client that reads nothing of its stream for so long is cut off."""
    gateway_token: str | None = field(default=None, metadata={"parse": checked_token}, repr=False)
    """Token by which a gateway proves that its x-freesh headers may be believed."""
    gateway_token_file: Path | None = field(default=None, metadata={"parse": _path})
    """File that holds it."""
    decision_log: Path | None = field(default=None, metadata={"parse": _path})
    """File to which every decision of the scheduler is appended, to be replayed."""
    gpu: str = field(default="none", metadata={"parse": _one_of(GPUS)})
    """How the GPUs are asked for energy and clock."""
    gpu_uuids: tuple[str, ...] = field(default=(), metadata={"parse": _uuids})
    """The model's GPUs, one a rank; unset = all of this machine, if they are as many as there are ranks."""
    gpu_helper: Path | None = field(default=None, metadata={"parse": _path})
    """Socket of the machine's helper process, which sets clocks; unset = a helper of its own, as a child."""
    gpu_run_dir: Path = field(default=Path("/run/freesh"), metadata={"parse": _path})
    """Where that child keeps the leases of the clocks that it holds."""
    gpu_sole_tenant: bool = field(default=False, metadata={"parse": _switch})
    """Whether clocks of partitioned GPUs (MIG) may be set: all their instances are this router's."""
    simulated_gpus: Path | None = field(default=None, metadata={"parse": _path})
    """Where simulated shards put the boards of their GPUs."""
    profile: Path | None = field(default=None, metadata={"parse": _path})
    """Profile of the model on these GPUs (`python -m profiling fit` writes them): for shares of energy, and a floor."""
    governor: str = field(default="observe", metadata={"parse": _one_of(GOVERNORS)})
    """How the SM clock is governed."""
    clock_floor_mhz: int | None = field(default=None, metadata={"parse": _whole("MHz", 1, 100_000)})
    """Least SM clock where the plan states none; unset = the profile's of least energy, else a share of the highest."""
    static_clock_mhz: int | None = field(default=None, metadata={"parse": _whole("MHz", 1, 100_000)})
    """The clock of the governor `static`; unset = the highest."""
    ttft_slo_s: float = field(default=2.0, metadata={"parse": _number("seconds", 0.001, 3_600)})
    """Time to first token that the governor keeps, where the plan states none."""
    tbt_slo_s: float = field(default=0.1, metadata={"parse": _number("seconds", 0.001, 3_600)})
    """Time between tokens that the governor keeps, where the plan states none."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "PluginConfig":
        """Read every `FREESH_…` variable of `env`.

        Raises:
            ConfigError: an unknown variable, or a value that does not fit, with its limit and unit.
        """
        parsers = {PREFIX + item.name.upper(): (item.name, item.metadata["parse"]) for item in fields(cls)}
        ours = {key: value for key, value in env.items() if key.startswith(PREFIX) and not _foreign(key, value)}
        values: dict[str, Any] = {"state_dir": _default_state_dir(env)}
        for key, value in sorted(ours.items()):
            if key not in parsers:
                raise ConfigError(_unknown(key, list(parsers)))
            name, parse = parsers[key]
            try:
                values[name] = parse(value)
            except ValueError as error:
                raise ConfigError(f"{key}: {error}") from error
        return cls(**values)

    def __post_init__(self) -> None:
        if self.plan_token is not None and self.plan_token_file is not None:
            raise ConfigError("FREESH_PLAN_TOKEN and FREESH_PLAN_TOKEN_FILE are both set, expected one of them")
        if self.gateway_token is not None and self.gateway_token_file is not None:
            raise ConfigError("FREESH_GATEWAY_TOKEN and FREESH_GATEWAY_TOKEN_FILE are both set, expected one of them")


def _foreign(key: str, value: str) -> bool:
    return key in _OF_OTHER_PROGRAMS or bool(_SERVICE_KEY.search(key) or _SERVICE_VALUE.match(value))


def _unknown(key: str, known: list[str]) -> str:
    near = get_close_matches(key, known, n=1, cutoff=0.0)
    return f"{key}: unknown setting, the nearest known one is {near[0]}"


def _default_state_dir(env: Mapping[str, str]) -> Path:
    state_home = env.get("XDG_STATE_HOME") or str(Path(env.get("HOME") or "~").expanduser() / ".local" / "state")
    return Path(state_home) / "freesh"
