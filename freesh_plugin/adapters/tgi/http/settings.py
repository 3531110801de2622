"""Settings of the HTTP front: what TGI's router takes on its command line, as one frozen value."""

import msgspec

TGI_VERSION = "3.3.7"
"""Version of TGI whose HTTP surface is served; clients read it from `/info`."""


class RouterSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the front is told at start. Names and defaults are those of TGI's flags."""

    model_id: str
    tokenizer_name: str = ""
    """Local folder, `tokenizer.json` or hub id; empty means `model_id`."""
    tokenizer_config_path: str | None = None
    revision: str | None = None
    trust_remote_code: bool = False
    model_sha: str | None = None
    model_pipeline_tag: str | None = None
    hostname: str = "0.0.0.0"
    port: int = 3000
    prometheus_port: int = 9000
    max_concurrent_requests: int = 128
    max_best_of: int = 2
    max_stop_sequences: int = 4
    max_top_n_tokens: int = 5
    max_client_batch_size: int = 4
    validation_workers: int = 2
    payload_limit: int = 2_000_000
    """Greatest body of a request, in bytes."""
    disable_grammar_support: bool = False
    api_key: str | None = None
    cors_allow_origin: tuple[str, ...] = ()
    """Origins that browsers may call from; empty means any."""
    compute_type: str = "gpu+optimized"
    docker_label: str | None = None
    gateway_token: str | None = None
    """Token with which a gateway makes its `x-freesh-` headers believed; without one, nobody's are."""
    predict_route: str | None = None
    """One more path that answers like `/vertex`."""
    health_route: str | None = None
    """One more path that answers like `/health`."""

    @property
    def tokenizer_source(self) -> str:
        """Where the tokenizer is looked for."""
        return self.tokenizer_name or self.model_id

    @property
    def full_text_by_default(self) -> bool:
        """Whether `POST /` answers with prompt and answer unless told otherwise; TGI does so by pipeline tag."""
        return self.model_pipeline_tag in (None, "text-generation")

    @property
    def system_fingerprint(self) -> str:
        """What OpenAI's routes call the build that answered."""
        return f"{TGI_VERSION}-{self.docker_label or 'native'}"
