"""Norms and rotary embedding, in plain torch."""

import torch  # type: ignore[import-not-found]


def rotary_embedding(
    query: torch.Tensor, key: torch.Tensor, sin: torch.Tensor, cos: torch.Tensor, head_size: int, halves: bool
) -> None:
    """Rotate (token, head, head_size) by position, in place; `halves` pairs i with i + size / 2, else neighbours.

    sin, cos  # shape (token, 1, rotary / 2)
    """
    for tensor in (query, key):
        rotary = 2 * cos.shape[-1]
        if halves:
            left, right = tensor[..., : rotary // 2], tensor[..., rotary // 2 : rotary]
        else:
            left, right = tensor[..., 0:rotary:2], tensor[..., 1:rotary:2]
        turned_left, turned_right = left * cos - right * sin, right * cos + left * sin
        left.copy_(turned_left)
        right.copy_(turned_right)


def add_rms_norm(
    residual: torch.Tensor | None,
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    eps: float,
    add_back: bool,
) -> torch.Tensor:
    """RMS norm of x + residual; with `add_back` the sum is left in `residual`."""
    total = _summed(residual, x, add_back).float()
    normed = total * torch.rsqrt(total.pow(2).mean(-1, keepdim=True) + eps)
    scaled = normed.to(x.dtype) * weight
    return scaled if bias is None else scaled + bias


def add_layer_norm(
    residual: torch.Tensor | None,
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    eps: float,
    add_back: bool,
) -> torch.Tensor:
    """Layer norm of x + residual; with `add_back` the sum is left in `residual`."""
    total = _summed(residual, x, add_back)
    return torch.nn.functional.layer_norm(total, total.shape[-1:], weight, bias, eps)


def _summed(residual: torch.Tensor | None, x: torch.Tensor, add_back: bool) -> torch.Tensor:
    if residual is None:
        return x
    total = x + residual
    if add_back:
        residual.copy_(total)
    return total
