"""Paged attention over TGI's key-value cache, in plain torch: one sequence after another."""

from typing import Any

import torch  # type: ignore[import-not-found]


class GatedMLPMOE:
    """Mixtures of experts are not stood in for; TGI only needs the name to import."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError("the stand-in has no mixture of experts")


class PagedAttention:
    """The kernels that TGI calls; caches have shape (block, head, slot in block, head size)."""

    @staticmethod
    def reshape_and_cache(
        key: torch.Tensor,
        value: torch.Tensor,
        key_cache: torch.Tensor,
        value_cache: torch.Tensor,
        slots: torch.Tensor,
        **_: Any,
    ) -> None:
        """Write keys and values, shape (token, head, head size), into their slots."""
        block_size = key_cache.shape[2]
        blocks, offsets = slots // block_size, slots % block_size
        key_cache[blocks, :, offsets] = key
        value_cache[blocks, :, offsets] = value

    @staticmethod
    def flash_attn_varlen_func(
        out: torch.Tensor,
        query: torch.Tensor,
        key_cache: torch.Tensor,
        value_cache: torch.Tensor,
        cu_seqlen_q: torch.Tensor,
        cu_seqlen_k: torch.Tensor,
        max_q: int,
        max_k: int,
        softmax_scale: float,
        causal: bool,
        block_tables: torch.Tensor,
        alibi_slopes: None,
        **_: Any,
    ) -> None:
        """Attend each sequence's queries, the last of its keys, to all its keys in the cache; the result is `out`.

        cu_seqlen_*  # shape (sequence + 1): cumulative lengths
        """
        queries, keys = cu_seqlen_q.tolist(), cu_seqlen_k.tolist()
        for row, table in enumerate(block_tables):
            part = slice(queries[row], queries[row + 1])
            length = keys[row + 1] - keys[row]
            blocks = table[: -(-length // key_cache.shape[2])].long()
            out[part] = _attend(
                query[part],
                _gather(key_cache, blocks, length),
                _gather(value_cache, blocks, length),
                softmax_scale,
                causal,
            )


def _gather(cache: torch.Tensor, blocks: torch.Tensor, length: int) -> torch.Tensor:
    """One sequence's rows of a cache, shape (head, length, head size)."""
    return cache[blocks].transpose(0, 1).flatten(1, 2)[:, :length]


def _attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float, causal: bool) -> torch.Tensor:
    groups = query.shape[1] // key.shape[0]
    key, value = (tensor.float().repeat_interleave(groups, 0) for tensor in (key, value))
    scores = query.float().transpose(0, 1) @ key.transpose(1, 2) * scale
    if causal:
        hidden = torch.ones(scores.shape[1:], dtype=torch.bool).triu(1 + key.shape[1] - query.shape[0])
        scores.masked_fill_(hidden, float("-inf"))
    return (scores.softmax(-1) @ value).transpose(0, 1).to(query.dtype)
