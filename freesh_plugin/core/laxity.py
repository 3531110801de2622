"""Laxity: the time that a request can still wait and yet meet its deadline."""


def laxity_s(deadline_s: float, now_s: float, service_s: float) -> float:
    """Seconds to spare: deadline - now - service; negative = it cannot be in time any more.

    Args:
        deadline_s: When the last token is due, monotonic.
        now_s: The same clock, now.
        service_s: Predicted remaining work, >= 0.
    """
    return deadline_s - now_s - service_s


def latest_start_s(deadline_s: float, service_s: float) -> float:
    """Monotonic second after which the laxity is negative: deadline - service.

    The order of waiting requests by laxity is their order by this, at any time.
    """
    return deadline_s - service_s
