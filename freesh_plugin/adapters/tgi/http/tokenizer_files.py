"""Finds the tokenizer of a model: a folder, a file, or the cache of Hugging Face's hub."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import tokenizers

from freesh_plugin.adapters.tgi.http.settings import RouterSettings
from freesh_plugin.adapters.tgi.http.tokenizer import Tokenizer
from freesh_plugin.core.errors import ConfigError


class _TokenizerConfig(msgspec.Struct, frozen=True):
    clean_up_tokenization_spaces: bool = False


def load_tokenizer(settings: RouterSettings) -> Tokenizer:
    """The model's fast tokenizer.

    Raises:
        ConfigError: there is none; the message names every place where it was looked for.
    """
    tried: list[str] = []
    file = find_model_file(settings, "tokenizer.json", tried)
    backend = _converted(settings, tried) if file is None else _from_file(file)
    if backend is None:
        raise ConfigError(f"no fast tokenizer for {settings.tokenizer_source!r}; tried: {'; '.join(tried)}")
    return Tokenizer(backend, _cleans_up_spaces(settings), settings.validation_workers)


def _from_file(file: Path) -> tokenizers.Tokenizer:
    try:
        return tokenizers.Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing narrower
        raise ConfigError(f"{file} is not a tokenizer: {error}") from error


def _converted(settings: RouterSettings, tried: list[str]) -> tokenizers.Tokenizer | None:
    """What transformers, which is there beside TGI, makes of an older model's files."""
    try:
        from transformers import AutoTokenizer  # type: ignore[import-not-found]  # there only beside TGI
    except ImportError:
        tried.append("conversion (transformers is not installed)")
        return None
    try:
        found = AutoTokenizer.from_pretrained(settings.tokenizer_source, revision=settings.revision)
    except Exception as error:  # noqa: BLE001  # whatever it is, there is no tokenizer
        tried.append(f"conversion ({type(error).__name__})")
        return None
    backend: tokenizers.Tokenizer | None = getattr(found, "backend_tokenizer", None)
    return backend


def find_model_file(settings: RouterSettings, name: str, tried: list[str] | None = None) -> Path | None:
    """A file of the model, or None; `tried` collects the places where it was looked for."""
    tried = [] if tried is None else tried
    source = Path(settings.tokenizer_source)
    if source.is_file():
        tried.append(f"file {source}")
        return source if name == "tokenizer.json" else _existing(source.parent / name)
    if source.is_dir():
        tried.append(f"folder {source}")
        return _existing(source / name)
    return _from_hub(settings, name, tried)


def _from_hub(settings: RouterSettings, name: str, tried: list[str]) -> Path | None:
    sources: list[Callable[[RouterSettings, str, list[str]], Path | None]] = [_from_cache, _from_library]
    return next((found for find in sources if (found := find(settings, name, tried)) is not None), None)


def _from_cache(settings: RouterSettings, name: str, tried: list[str]) -> Path | None:
    """A file that was downloaded before, by the cache's published layout."""
    model = _cache_folder() / f"models--{settings.tokenizer_source.replace('/', '--')}"
    tried.append(f"cache {model}")
    revision = settings.revision or "main"
    ref = model / "refs" / revision
    commit = ref.read_text(encoding="ascii").strip() if ref.is_file() else revision
    return _existing(model / "snapshots" / commit / name)


def _from_library(settings: RouterSettings, name: str, tried: list[str]) -> Path | None:
    try:
        import huggingface_hub  # not a need of ours: asked when the environment has it
    except ImportError:
        tried.append("hub (huggingface_hub is not installed)")
        return None
    try:
        found = huggingface_hub.hf_hub_download(settings.tokenizer_source, name, revision=settings.revision)
    except Exception as error:  # noqa: BLE001  # offline, unknown, forbidden: every one means that it is not there
        tried.append(f"hub ({type(error).__name__})")
        return None
    return Path(found)


def _cache_folder() -> Path:
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    given = os.environ.get("HUGGINGFACE_HUB_CACHE") or os.environ.get("HF_HUB_CACHE")
    return Path(given) if given else home / "hub"


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def _cleans_up_spaces(settings: RouterSettings) -> bool:
    path = (
        Path(settings.tokenizer_config_path)
        if settings.tokenizer_config_path
        else find_model_file(settings, "tokenizer_config.json")
    )
    if path is None:
        return False
    try:
        config = msgspec.json.decode(path.read_bytes(), type=_TokenizerConfig)
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    return config.clean_up_tokenization_spaces
