"""Which class, tier and deadline a request has: from the plan, from headers, or from its predicted latency."""

from dataclasses import dataclass

from freesh_plugin.core.errors import ScenarioError
from freesh_plugin.core.generation import GenerationRequest, ServiceWish
from freesh_plugin.core.plan import Plan, Pool, Slo
from freesh_plugin.core.request import Partition, cell_label, interval

DEFAULT_TIER = "default"
ANY_ORIGIN = "any"
UNKNOWN_CLASS = "unknown"


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """What a request is promised.

    Attributes:
        request_class: Its class in the plan's partition; `unknown` without one.
        tier: Its tier.
        deadline_s: When its last token is due, monotonic seconds.
        first_due_s: When its first token is due; None = nobody promised.
        promised: Whether plan or headers say so; else the deadline is a multiple of the predicted latency.
        model: Its model in the plan.
        prompt_cell, predicted_cell: Labels of the plan's cells that hold its prompt and its predicted answer.
    """

    request_class: str
    tier: str
    deadline_s: float
    first_due_s: float | None
    promised: bool
    model: str
    prompt_cell: str
    predicted_cell: str


class ServiceLevels:
    """Service levels under one plan, for one model at one location."""

    def __init__(self, plan: Plan | None, model: str | None, location: str | None, deadline_factor: float) -> None:
        """A location or model of None stands for all locations, and for the plan's only model."""
        self.model = model or _only_model(plan)
        self.deadline_factor = deadline_factor
        self._partition = _partition(plan, self.model)
        cells = plan.cells.get(self.model) if plan else None
        self._prompt_bounds = cells.prompt_tokens if cells else ()
        self._answer_bounds = cells.answer_tokens if cells else ()
        self._pools = _pools(plan, self.model, location)

    def of(self, request: GenerationRequest, predicted_tokens: float, predicted_latency_s: float) -> ServiceLevel:
        """Service level of a request whose answer is predicted to have so many tokens and to take so long."""
        wish, prompt_tokens = request.wish, len(request.prompt_ids)
        request_class = self._class_of(wish, prompt_tokens, predicted_tokens)
        tier = wish.tier if wish.trusted and wish.tier else DEFAULT_TIER
        pool = self._pools.get((request_class, tier)) or self._pools.get((request_class, DEFAULT_TIER))
        planned = pool is not None and pool.slo.latency_s > 0
        latency_s = pool.slo.latency_s if pool and planned else self.deadline_factor * predicted_latency_s
        due_s = request.arrival_s + _latency_s(wish, latency_s)
        return ServiceLevel(
            request_class=request_class,
            tier=tier,
            deadline_s=due_s,
            first_due_s=_first_due_s(pool.slo, request.arrival_s, due_s) if pool else None,
            promised=planned or _is_promise(wish, latency_s),
            model=self.model,
            prompt_cell=self.prompt_cell(prompt_tokens),
            predicted_cell=self.answer_cell(predicted_tokens),
        )

    def prompt_cell(self, tokens: float) -> str:
        """Label of the cell that holds a prompt of so many tokens."""
        return cell_label(self._prompt_bounds, interval(self._prompt_bounds, tokens))

    def answer_cell(self, tokens: float) -> str:
        """Label of the cell that holds an answer of so many tokens."""
        return cell_label(self._answer_bounds, interval(self._answer_bounds, tokens))

    def _class_of(self, wish: ServiceWish, prompt_tokens: int, predicted_tokens: float) -> str:
        if self._partition is None:
            return UNKNOWN_CLASS
        if wish.trusted and wish.request_class in self._partition.classes:
            return wish.request_class
        try:
            return self._partition.classify(prompt_tokens, predicted_tokens)
        except ScenarioError:
            return UNKNOWN_CLASS  # a boundary is not known: such a plan only advises


def _latency_s(wish: ServiceWish, promised_s: float) -> float:
    """A gateway's deadline counts; anybody else's may only loosen what is promised."""
    if wish.deadline_s is None:
        return promised_s
    return wish.deadline_s if wish.trusted else max(promised_s, wish.deadline_s)


def _is_promise(wish: ServiceWish, latency_s: float) -> bool:
    """Whether the deadline that is named counts; one that is tighter than is predicted does from a gateway alone."""
    return wish.deadline_s is not None and (wish.trusted or wish.deadline_s > latency_s)


def _first_due_s(slo: Slo, arrival_s: float, due_s: float) -> float | None:
    """Who gives the last token more time than the plan does gives it to the first one too."""
    if slo.ttft_s <= 0:
        return None
    more_s = due_s - arrival_s - slo.latency_s if slo.latency_s > 0 else 0.0
    return arrival_s + slo.ttft_s + max(more_s, 0.0)


def _only_model(plan: Plan | None) -> str:
    return next(iter(plan.partition)) if plan and len(plan.partition) == 1 else "default"


def _partition(plan: Plan | None, model: str) -> Partition | None:
    stated = plan.partition.get(model) if plan else None
    if stated is None:
        return None
    return Partition(stated.name, stated.classes, stated.prompt_tokens, stated.answer_tokens)


def _pools(plan: Plan | None, model: str, location: str | None) -> dict[tuple[str, str], Pool]:
    """For each class and tier the pool with the tightest latency; a pool without instances here still has its SLO."""
    pools: dict[tuple[str, str], Pool] = {}
    for pool in plan.pools if plan else ():
        if pool.model != model or location not in (None, pool.location):
            continue
        key = (pool.request_class, pool.tier)
        if key not in pools or pool.slo.latency_s < pools[key].slo.latency_s:
            pools[key] = pool
    return pools
