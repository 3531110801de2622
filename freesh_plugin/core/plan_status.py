"""What a runtime says of its plans: the answer to an offered plan, and its status at a time."""

from enum import StrEnum

import msgspec

from freesh_plugin.core.plan import Acknowledgement, Hold, Plan, PlanMode, Pool


class Verdict(StrEnum):
    """What becomes of an offered plan; all but the first two count as refusals."""

    ACCEPTED = "accepted"
    UNCHANGED = "unchanged"
    OUT_OF_ORDER = "out_of_order"
    INVALID = "invalid"
    NOT_STORED = "not_stored"
    BAD_TOKEN = "bad_token"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"

    @property
    def accepted(self) -> bool:
        """Whether the offered plan is the one kept."""
        return self in (Verdict.ACCEPTED, Verdict.UNCHANGED)


class PlanState(StrEnum):
    """Age of the plan in force."""

    NONE = "none"
    FRESH = "fresh"
    STALE = "stale"
    EXPIRED = "expired"


class PlanAnswer(msgspec.Struct, frozen=True):
    """Verdict on an offered plan, with the acknowledgement to send."""

    verdict: Verdict
    acknowledgement: Acknowledgement


class PlanSummary(msgspec.Struct, frozen=True):
    """The head of a plan; times in seconds UTC."""

    epoch: int
    revision: int
    mode: PlanMode
    scenario: str
    digest: str
    valid_from: int
    stale_after: int
    expires_at: int


class RuntimeStatus(msgspec.Struct, frozen=True):
    """What a runtime knows at `utc_s`; `acting` is false for an advise plan, which is shown and not acted on."""

    name: str
    version: str
    utc_s: float
    state: PlanState
    acting: bool
    age_s: float | None
    plan: PlanSummary | None
    waiting: tuple[PlanSummary, ...] = ()
    pools: tuple[Pool, ...] = ()
    holds: tuple[Hold, ...] = ()
    accepted_total: int = 0
    holds_total: dict[str, int] = {}
    refusals_total: dict[Verdict, int] = {}
    last_refusal: str = ""


def summary_of(plan: Plan) -> PlanSummary:
    """The head of a plan."""
    return PlanSummary(**{field: getattr(plan, field) for field in PlanSummary.__struct_fields__})
