"""The command line of TGI's router: flags, variables, defaults, and what does not fit."""

import pytest

from freesh_plugin.adapters.tgi.router_args import RouterArgs
from freesh_plugin.core.errors import ConfigError


def test_defaults_are_those_of_tgis_router() -> None:
    args = RouterArgs.parse([], {})
    assert (args.max_concurrent_requests, args.max_best_of, args.max_stop_sequences) == (128, 2, 4)
    assert (args.max_batch_prefill_tokens, args.payload_limit, args.hostname) == (4096, 2_000_000, "0.0.0.0")
    assert (args.port, args.prometheus_port, args.max_batch_size, args.api_key) == (3000, 9000, None, None)


def test_a_flag_counts_more_than_its_variable_and_that_more_than_the_default() -> None:
    env = {"MAX_BEST_OF": "3", "PORT": "81", "JSON_OUTPUT": "true", "CORS_ALLOW_ORIGIN": "a,b", "API_KEY": ""}
    args = RouterArgs.parse(["-p", "80", "--cors-allow-origin", "c"], env)
    assert (args.port, args.max_best_of, args.json_output, args.api_key) == (80, 3, True, None)
    assert args.cors_allow_origin == ("c",)
    assert RouterArgs.parse([], env).cors_allow_origin == ("a", "b")


def test_an_origin_may_be_named_again() -> None:
    assert RouterArgs.parse(["--cors-allow-origin", "a", "--cors-allow-origin", "b"], {}).cors_allow_origin == (
        "a",
        "b",
    )


@pytest.mark.parametrize(
    ("argv", "env", "said"),
    [
        (["--nope"], {}, "unrecognized arguments: --nope"),
        (["--max-best"], {}, "--max-best"),
        (["--port", "-1"], {}, "--port: .-1. is not a whole number"),
        (["--validation-workers", "0"], {}, "--validation-workers: '0' is not a whole number of at least 1"),
        ([], {"MAX_BATCH_SIZE": "0"}, "--max-batch-size: '0'"),
        ([], {"JSON_OUTPUT": "maybe"}, "'maybe' is neither true nor false"),
        (["--ngrok"], {}, "opens no tunnels"),
        (["--max-input-tokens", "8", "--max-total-tokens", "8"], {}, "--max-input-tokens 8 is not less than"),
    ],
)
def test_what_does_not_fit_is_told_with_its_flag(argv: list[str], env: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        RouterArgs.parse(argv, env)
