"""Collectives between the ranks: torch's own, over gloo instead of Intel's oneCCL."""

from typing import Any

import torch  # type: ignore[import-not-found]
import torch.distributed  # type: ignore[import-not-found]
from torch.distributed import all_gather, all_reduce

__all__ = ["all_gather", "all_gather_into_tensor", "all_reduce", "init_process_group"]


def init_process_group(backend: str, **options: Any) -> None:
    """Join the ranks over gloo; `backend` is oneCCL's name, which a plain torch lacks."""
    options.pop("pg_options", None)
    torch.distributed.init_process_group(backend="gloo", **options)


def all_gather_into_tensor(output: torch.Tensor, part: torch.Tensor, **options: Any) -> None:
    """Put all ranks' parts one after the other into `output`, whatever the shapes: gloo alone wants rows."""
    torch.distributed.all_gather_into_tensor(output.view(-1), part.view(-1), **options)
