"""Command line of TGI's router, as TGI's launcher writes it: every flag also reads its UPPER_SNAKE variable."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NoReturn

from freesh_plugin.core.errors import ConfigError


def _whole(least: int = 0) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) < least:
            raise ValueError(f"{text!r} is not a whole number of at least {least}")
        return int(text)

    return parse


def _switch(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() in ("true", "1")


def _flag(default: Any, parse: Callable[[str], Any], help: str, short: str | None = None) -> Any:  # noqa: ANN401  # one field of any type
    return field(default=default, metadata={"parse": parse, "help": help, "short": short})


@dataclass(frozen=True)
class RouterArgs:
    """Flags of `text-generation-router` 3.3.7 with its defaults; the flag of `max_best_of` is `--max-best-of`.

    Flags that have no meaning here (`waiting_served_ratio`, `max_waiting_tokens`: the scheduler decides; ngrok;
    usage statistics, of which none are ever sent; images) are accepted, since the launcher passes them.
    """

    max_concurrent_requests: int = _flag(128, _whole(1), "Requests served or waiting at once; more get 429.")
    max_best_of: int = _flag(2, _whole(1), "Greatest best_of.")
    max_stop_sequences: int = _flag(4, _whole(), "Most stop sequences.")
    max_top_n_tokens: int = _flag(5, _whole(), "Greatest top_n_tokens.")
    max_input_tokens: int | None = _flag(None, _whole(1), "Longest prompt in tokens (default: what warm-up finds).")
    max_total_tokens: int | None = _flag(None, _whole(1), "Longest prompt and answer in tokens.")
    waiting_served_ratio: float = _flag(1.2, float, "Accepted and not used.")
    max_batch_prefill_tokens: int = _flag(4096, _whole(1), "Most prompt tokens computed in one step.")
    max_batch_total_tokens: int | None = _flag(None, _whole(1), "Most tokens in memory (padded models only).")
    max_waiting_tokens: int = _flag(20, _whole(), "Accepted and not used.")
    max_batch_size: int | None = _flag(None, _whole(1), "Most requests in the running batch.")
    hostname: str = _flag("0.0.0.0", str, "Address to listen on.")
    port: int = _flag(3000, _whole(), "Port to listen on; 0 takes a free one.", "p")
    prometheus_port: int = _flag(9000, _whole(), "Second port for /metrics.")
    master_shard_uds_path: str = _flag("/tmp/text-generation-server-0", str, "Unix socket of the first shard.")
    tokenizer_name: str = _flag("bigscience/bloom", str, "Model: a folder, or its name on the hub.")
    tokenizer_config_path: str | None = _flag(None, str, "File used instead of the model's tokenizer_config.json.")
    revision: str | None = _flag(None, str, "Revision of the model on the hub.")
    trust_remote_code: bool = _flag(False, _switch, "Accepted and not used: no code of a model runs here.")
    validation_workers: int = _flag(2, _whole(1), "Threads that tokenise.")
    api_key: str | None = _flag(None, str, "Key that requests must carry.")
    json_output: bool = _flag(False, _switch, "Log in JSON lines.")
    otlp_endpoint: str | None = _flag(None, str, "Accepted and not used: no traces are sent.")
    otlp_service_name: str = _flag("text-generation-inference.router", str, "Accepted and not used.")
    cors_allow_origin: tuple[str, ...] = _flag((), str, "Origin that browsers may call from; may be repeated.")
    ngrok: bool = _flag(False, _switch, "Refused: no tunnels.")
    ngrok_authtoken: str | None = _flag(None, str, "Accepted and not used.")
    ngrok_edge: str | None = _flag(None, str, "Accepted and not used.")
    disable_grammar_support: bool = _flag(False, _switch, "Refuse grammars.")
    max_client_batch_size: int = _flag(4, _whole(1), "Most prompts in one request.")
    usage_stats: str = _flag("on", str, "Accepted: none are ever sent.")
    payload_limit: int = _flag(2_000_000, _whole(1), "Largest body in bytes.")
    max_image_fetch_size: int = _flag(1_073_741_824, _whole(), "Accepted and not used: no images.")

    @classmethod
    def parse(cls, argv: Sequence[str], env: Mapping[str, str]) -> "RouterArgs":
        """Flags of `argv`, then variables of `env`, then defaults.

        Raises:
            ConfigError: an unknown flag, or a value that does not fit.
        """
        given = vars(_parser().parse_args(list(argv)))
        values: dict[str, Any] = {}
        for item in fields(cls):
            texts = given[item.name]
            if texts is None and env.get(item.name.upper(), "") != "":
                texts = _from_variable(item.name, env[item.name.upper()])
            if texts is not None:
                values[item.name] = _parsed(item.name, item.metadata["parse"], texts)
        return cls(**values)

    def __post_init__(self) -> None:
        if self.ngrok:
            raise ConfigError("--ngrok: this router opens no tunnels to other networks")
        longest, total = self.max_input_tokens, self.max_total_tokens
        if longest is not None and total is not None and longest >= total:
            raise ConfigError(f"--max-input-tokens {longest} is not less than --max-total-tokens {total}")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="text-generation-router",
        description="FREESH's router for TGI's shards: Least-Laxity-First with preemption. Flags as TGI's own router.",
        allow_abbrev=False,
    )
    for item in fields(RouterArgs):
        names = [f"--{item.name.replace('_', '-')}"]
        if item.metadata["short"]:
            names.append(f"-{item.metadata['short']}")
        default = "" if item.default in (None, (), False) else f" (default {item.default})"
        shape: dict[str, Any] = {"help": item.metadata["help"] + default}
        if item.type is bool:
            shape |= {"action": "store_const", "const": "true"}
        elif item.default == ():
            shape |= {"action": "append", "metavar": "ORIGIN"}
        else:
            shape |= {"metavar": item.name.rpartition("_")[2].upper()}
        parser.add_argument(*names, dest=item.name, default=None, **shape)
    return parser


def _from_variable(name: str, text: str) -> str | list[str]:
    return text.split(",") if name == "cors_allow_origin" else text


def _parsed(name: str, parse: Callable[[str], Any], texts: str | list[str]) -> object:
    try:
        return parse(texts) if isinstance(texts, str) else tuple(parse(text) for text in texts)
    except ValueError as error:
        raise ConfigError(f"--{name.replace('_', '-')}: {error}") from error
