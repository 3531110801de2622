"""A tokenizer's call that takes marked texts: exact ids for those, the tokenizer's own work for all others."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeGuard

from freesh_plugin.adapters.tgi.exact_ids import MARK, ExactIdsError, decode
from freesh_plugin.adapters.tgi.exact_ids_tgi import Tokenizer

_FOR_TEXT = {"truncation", "max_length", "add_special_tokens", "return_token_type_ids"}
"""What TGI asks of its tokenizer that exact ids do not heed: they are used as they are, none cut, none added."""
_FOR_BATCH = {"padding", "return_tensors"}

_Call = Callable[..., Any]


@contextmanager
def marked_texts_taken(tokenizer: Tokenizer, secret: str) -> Iterator[None]:
    """Let the tokenizer, and every other of its family, take marked texts while the block lasts.

    All of TGI's batch classes tokenise through the one method that is replaced, whatever the model.

    Raises:
        ExactIdsError: the tokenizer cannot be called or cannot pad as transformers' tokenizers do.
    """
    owner = next((base for base in type(tokenizer).__mro__ if "__call__" in vars(base)), None)
    if owner is None or not callable(getattr(tokenizer, "pad", None)):
        raise ExactIdsError(f"a tokenizer of type {type(tokenizer).__name__} is not one of transformers'")
    original: _Call = vars(owner)["__call__"]
    _set_call(owner, _taking_marks(original, secret))
    try:
        yield
    finally:
        _set_call(owner, original)


def _set_call(owner: type, call: _Call) -> None:
    owner.__call__ = call  # type: ignore[method-assign]


def _taking_marks(original: _Call, secret: str) -> _Call:
    @wraps(original)
    def call(self: Tokenizer, text: object = None, *args: object, **options: object) -> object:
        texts = [text] if isinstance(text, str) else text
        if not _may_hold_marks(texts):
            return original(self, text, *args, **options)
        try:
            ids = [decode(one, secret) for one in texts]
            if not any(ids):
                return original(self, text, *args, **options)
            _check_known(args, options)
            rows = [
                _tokenized(original, self, one, options) if found is None else found
                for one, found in zip(texts, ids, strict=True)
            ]
            return _batched(self, rows[0] if isinstance(text, str) else rows, options)
        except ExactIdsError:
            raise
        except Exception as error:
            # Never a RuntimeError, which would end the shard: so only the batch fails, and the router is told.
            raise ExactIdsError(f"marked ids could not be used: {type(error).__name__}: {error}") from error

    return call


def _may_hold_marks(texts: object) -> TypeGuard[Sequence[str]]:
    return (
        isinstance(texts, list | tuple)
        and all(isinstance(text, str) for text in texts)
        and any(MARK in text for text in texts)
    )


def _check_known(args: tuple[object, ...], options: dict[str, object]) -> None:
    unknown = sorted(options.keys() - _FOR_TEXT - _FOR_BATCH)
    if args or unknown:
        raise ExactIdsError(f"the tokenizer was called in a way not known: {len(args)} arguments, options {unknown}")


def _tokenized(original: _Call, tokenizer: Tokenizer, text: str, options: dict[str, object]) -> list[int]:
    ids: list[int] = original(tokenizer, text, **_only(_FOR_TEXT, options))["input_ids"]
    return ids


def _batched(tokenizer: Tokenizer, rows: list[int] | list[list[int]], options: dict[str, object]) -> object:
    # `pad` is what ids need; its advice to call the tokenizer instead concerns texts.
    tokenizer.deprecation_warnings["Asking-to-pad-a-fast-tokenizer"] = True
    return tokenizer.pad({"input_ids": rows}, **{"padding": False, **_only(_FOR_BATCH, options)})


def _only(names: set[str], options: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in options.items() if name in names}
