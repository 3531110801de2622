"""The chance that laxity, the time that a request can wait and yet be in time, runs out; lengths are uncertain."""

from math import exp

from freesh_plugin.core.length_model import LengthModel


def chance_laxity_runs_out(
    length: LengthModel, generated: int, room_s: float, start_s: float, tbt_s: float, delay_s: float
) -> float:
    """P(0 <= laxity < delay): the chance that waiting so long makes a request late that is not late yet.

    Laxity is room - start - (L - generated)·TBT with L uncertain, so this is the chance that L lies between what could
    be decoded before the deadline after the delay, and what could be now.

    Args:
        length: Distribution of the answer's length L, in tokens.
        generated: Tokens that did not end it.
        room_s: Seconds left to its deadline; negative when it has passed.
        start_s: Seconds before its next token (prefill).
        tbt_s: Seconds a token, > 0.
        delay_s: Seconds that it would wait.
    """
    now = generated + (room_s - start_s) / tbt_s
    return length.chance_between(generated, now - delay_s / tbt_s, now)


def chance_stretch_runs_out(
    length: LengthModel, generated: int, waited_s: float, prefill_s: float, tbt_s: float, delay_s: float, spare: float
) -> float:
    """The same for a deadline that moves with the length: waiting may take the share `spare` of the service.

    It is in time when waited <= spare·(prefill + L·TBT); so a longer answer forgives a longer wait.
    """
    now = (waited_s / spare - prefill_s) / tbt_s
    return length.chance_between(generated, now, now + delay_s / (spare * tbt_s))


def chance_first_token_is_late(room_s: float, start_s: float, bound_s: float, delay_s: float) -> float:
    """P(wait > laxity) of a first token that is not late yet, for a wait of mean `delay_s`, exponentially distributed.

    Laxity is room - start, less what is set aside since others' prompts are computed in the same passes: a quarter of
    the start and a tenth of the bound. With a short delay the least laxity is by far the likeliest to run out, which
    keeps all in time where all can be; with a long one all are about as likely. A first token that is late, or would
    be though its prompt took a quarter less than is thought, is lost.

    Args:
        room_s: Seconds until it is due; negative when that has passed.
        start_s: Seconds that computing the prompt takes.
        bound_s: Seconds from arrival until it is due.
        delay_s: Mean of the wait, > 0.
    """
    if room_s < (1 - _STARTS_SOONER) * start_s or room_s < 0:
        return 0.0
    laxity_s = room_s - (1 + _STARTS_LATER) * start_s - _SET_ASIDE * bound_s
    return exp(-max(laxity_s, 0.0) / delay_s)


_STARTS_LATER = _STARTS_SOONER = 0.25
_SET_ASIDE = 0.1
