"""The hook in a shard: lets TGI take exact token ids, or steps aside and says why.

It waits for TGI's server module, then for the model. A batch of marked requests is read by the model's own batch class,
and only if every id arrives is the secret published beside the shard's socket. Whatever is not as expected leaves TGI
as it was.
"""

import importlib.util
import inspect
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import wraps
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

from freesh_plugin.adapters.tgi.exact_ids import ExactIdsError
from freesh_plugin.adapters.tgi.exact_ids_file import published_secret
from freesh_plugin.adapters.tgi.exact_ids_proof import prove
from freesh_plugin.adapters.tgi.exact_ids_tgi import Model, Server
from freesh_plugin.adapters.tgi.exact_ids_tokenizer import marked_texts_taken

_SERVER = "text_generation_server.server"
_SECRET_BYTES = 32


class Log(Protocol):
    """loguru's logger."""

    def info(self, message: str, *values: object) -> None:
        """Log an event."""
        ...

    def warning(self, message: str, *values: object) -> None:
        """Log what was not expected."""
        ...


def install() -> None:
    """Hook TGI's server module as soon as it is imported."""
    sys.meta_path.insert(0, _ServerFinder())


class _ServerFinder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _SERVER:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _HookingLoader(spec.loader)
        return spec


class _HookingLoader(Loader):
    """Executes the module by its own loader, puts that back in its place, and hooks what was executed."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        hook_server(cast(Server, module), _launcher_log())


def hook_server(server: Server, log: Log) -> None:
    """Wrap what TGI's command line calls to serve, and what that calls to get its model."""
    try:
        signature = inspect.signature(server.serve)
        missing = {"uds_path", "sharded"} - signature.parameters.keys()
        if missing:
            raise ExactIdsError(f"TGI's serve has no {', '.join(sorted(missing))}")
        shard = _Shard(server, log)
        hooked = shard.serving(server.serve, signature), shard.activated_by(server.get_model_with_lora_adapters)
    except Exception as error:  # noqa: BLE001 - whatever TGI has become, it must serve
        _step_aside(log, error)
    else:
        server.serve, server.get_model_with_lora_adapters = hooked


class _Shard:
    """One shard: where it will listen, and what is to be undone when it ends."""

    def __init__(self, server: Server, log: Log) -> None:
        self._server = server
        self._log = log
        self._socket_path: Path | None = None
        self._active = ExitStack()

    def serving(self, serve: Callable[..., object], signature: inspect.Signature) -> Callable[..., object]:
        @wraps(serve)
        def call(*args: object, **options: object) -> object:
            try:
                given = signature.bind(*args, **options).arguments
                rank = int(os.environ["RANK"]) if given["sharded"] else 0
                self._socket_path = Path(f"{given['uds_path']}-{rank}")
            except Exception as error:  # noqa: BLE001 - the shard must serve
                _step_aside(self._log, error)
            with self._active:
                return serve(*args, **options)

        return call

    def activated_by(self, get_model: Callable[..., object]) -> Callable[..., object]:
        @wraps(get_model)
        def call(*args: object, **options: object) -> object:
            model = get_model(*args, **options)
            if self._socket_path is not None:
                self._activate(cast(Model, model), self._socket_path)
            return model

        return call

    def _activate(self, model: Model, socket_path: Path) -> None:
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        try:
            with ExitStack() as active:
                active.enter_context(marked_texts_taken(model.tokenizer, secret))
                prove(model, self._server, secret)
                path = active.enter_context(published_secret(socket_path, secret))
                self._log.info("Exact token ids are taken by {}: secret in {}", model.batch_type.__name__, path)
                self._active.push(active.pop_all())
        except Exception as error:  # noqa: BLE001 - the shard must serve
            _step_aside(self._log, error)


def _step_aside(log: Log, error: Exception) -> None:
    log.warning("Exact token ids are not taken, texts are tokenised as ever: {}: {}", type(error).__name__, error)


def _launcher_log() -> Log:
    """TGI's logger with an outlet of our own, since TGI's shows its own modules only.

    With --json-output the launcher reads nothing from a shard but what loguru has serialised.
    """
    from loguru import logger  # type: ignore[import-not-found]

    logger.add(sys.stdout, format="{message}", filter="freesh_plugin", serialize="--json-output" in sys.argv)
    return cast(Log, logger)
