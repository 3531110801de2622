"""Collectives between the ranks: torch's own, over gloo instead of Intel's oneCCL."""

from typing import Any

import torch.distributed  # type: ignore[import-not-found]
from torch.distributed import all_gather, all_gather_into_tensor, all_reduce

__all__ = ["all_gather", "all_gather_into_tensor", "all_reduce", "init_process_group"]


def init_process_group(backend: str, **options: Any) -> None:
    """Join the ranks over gloo; `backend` is oneCCL's name, which a plain torch lacks."""
    options.pop("pg_options", None)
    torch.distributed.init_process_group(backend="gloo", **options)
