"""Every request from its arrival to its last token: who waits, who runs, and what each pass brought them."""

from collections.abc import Iterable, Sequence

from freesh_plugin.adapters.router_metrics import RouterMetrics
from freesh_plugin.adapters.tgi import messages
from freesh_plugin.adapters.tgi.generations import prefill_of, reason_of, tokens_of
from freesh_plugin.core.generation import (
    FailureEvent,
    FailureKind,
    FinishReason,
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    TokensEvent,
)
from freesh_plugin.runtime.energy_shares import EnergyShares
from freesh_plugin.runtime.padded_memory import PaddedMemory
from freesh_plugin.runtime.paged_memory import PagedMemory
from freesh_plugin.runtime.service_levels import ServiceLevel
from freesh_plugin.runtime.serving import Serving
from freesh_plugin.runtime.step_decision import Refusal
from freesh_plugin.services.guarded_scheduler import GuardedScheduler
from freesh_plugin.services.leg_batch import Leg
from freesh_plugin.services.reception import Reception
from freesh_plugin.services.shard_batches import ShardBatches

_TO_END_A_CHARACTER = 16
"""Tokens beyond a leg's share, so that a character that is half written can be ended before the cut."""


class RequestBook:
    """Keeps servings, scheduler, memory books and the shards' batches in step with each other."""

    def __init__(
        self,
        scheduler: GuardedScheduler,
        memory: PagedMemory | PaddedMemory,
        batches: ShardBatches,
        reception: Reception,
        exact_ids: bool,
        leg_tokens: int,
        metrics: RouterMetrics,
        energy: EnergyShares,
    ) -> None:
        """`exact_ids`: shards can be told ids; `leg_tokens`: for so many answer tokens memory is set aside at once."""
        self._energy = energy
        self._exact_ids = exact_ids
        self._scheduler = scheduler
        self._memory = memory
        self._batches = batches
        self._reception = reception
        self._leg_tokens = leg_tokens
        self._metrics = metrics
        self._servings: dict[int, Serving] = {}
        self._levels: dict[int, ServiceLevel] = {}
        self._outbox: list[GenerationEvent] = []

    def __len__(self) -> int:
        """Requests that have no end yet."""
        return len(self._servings)

    def outbox(self) -> list[GenerationEvent]:
        """Events since the last call."""
        events, self._outbox = self._outbox, []
        return events

    # Coming and going

    def arrive(self, request: GenerationRequest, now_s: float) -> None:
        """Queue a request, or refuse it."""
        request_id = request.request_id
        if not request.prompt_ids:
            message = "a prompt without a token cannot be computed"
            self._outbox.append(FailureEvent(request_id, FailureKind.VALIDATION, message))
            return
        serving = self._servings[request_id] = Serving(request, self._exact_ids)
        job, self._levels[request_id] = self._reception.job_of(serving)
        self._memory.register(
            request_id,
            serving.ids,
            self._share(serving),
            shareable=not request.prefill_logprobs,
            namespace=request.adapter_id or "",
        )
        refusal = self._scheduler.arrive(job, now_s)
        if refusal is not None:
            self.refuse((refusal,))

    def refuse(self, refusals: Iterable[Refusal]) -> None:
        """Tell the clients of refused requests."""
        for refusal in refusals:
            kind = FailureKind.VALIDATION if refusal.code == "too_long" else FailureKind.OVERLOADED
            self._metrics.refusals.labels(refusal.code).inc()
            self.fail(refusal.request_id, kind, refusal.reason)

    def fail(self, request_id: int, kind: FailureKind, message: str) -> None:
        """A request gets nothing more but the reason."""
        self._outbox.append(FailureEvent(request_id, kind, message))
        self.forget(request_id)

    def abandon(self, others: Iterable[int], message: str) -> None:
        """Fail every request, and others that have not arrived yet; scheduler and memory are of no use any more."""
        for request_id in (*self._servings, *others):
            self._outbox.append(FailureEvent(request_id, FailureKind.GENERATION, message))
            self._energy.drop(request_id)
        self._servings.clear()
        self._levels.clear()

    def forget(self, request_id: int) -> None:
        """A request is over: cancelled, failed or whole; unknown ids are ignored."""
        serving = self._servings.pop(request_id, None)
        if serving is None:
            return
        del self._levels[request_id]
        self._scheduler.leave(request_id)
        self._memory.release(request_id)
        if serving.legs:
            self._batches.leave(request_id)
            self._energy.drop(request_id)

    # Joining and leaving the batch

    def begin_legs(self, request_ids: Iterable[int], prefill_tokens: int, chunked: bool, now_s: float) -> list[Leg]:
        """Set memory aside for requests that join, as far as `prefill_tokens` go; the others wait for another step.

        The last prompt may exceed them in part if prompts can be `chunked`, and a prompt that is longer by itself is
        computed alone. One whose batch was lost before joins alone too: it may be the cause.
        """
        legs: list[Leg] = []
        left = prefill_tokens
        for request_id in request_ids:
            serving, claim = self._servings[request_id], self._memory.claim(request_id)
            tokens = len(serving.ids) - claim.cache_len if claim else 0
            alone = bool(legs) and (serving.losses > 0 or legs[0].serving.losses > 0)
            if claim is None or alone or (legs and (left < 1 or (tokens > left and not chunked))):
                self._put_back(request_id, claim is not None, now_s)
                continue
            serving.begin_leg(now_s)
            self._scheduler.pin(request_id, True)
            chunk = left if chunked and 0 < left < tokens else None
            left = max(left - tokens, 0)
            legs.append(Leg(serving, self._share(serving), claim.blocks, claim.slots, claim.cache_len, chunk))
        return legs

    def park(self, request_ids: Iterable[int], drop: Iterable[int]) -> None:
        """Take preempted requests out of the batch, their state kept where it can be; drop what some keep."""
        preempted = list(request_ids)
        for request_id in preempted:
            serving = self._servings[request_id]
            serving.preemptions += 1
            self._batches.leave(request_id)
            self._memory.park(request_id, self._share(serving))
        for request_id in drop:
            self._memory.drop(request_id)
        for request_id in preempted:
            self._metrics.preemptions.labels("yes" if self._memory.keeps(request_id) else "no").inc()

    def _put_back(self, request_id: int, claimed: bool, now_s: float) -> None:
        """A request that was to join does not: there is less room than was thought."""
        if claimed:
            self._memory.park(request_id, self._share(self._servings[request_id]))
        self._scheduler.left_batch([request_id], now_s)

    def lose(self, request_ids: Iterable[int], suspect: bool, now_s: float) -> None:
        """The batch of these requests is lost, and what memory holds of them cannot be trusted.

        `suspect`: one of them may be the cause.
        """
        for request_id in request_ids:
            serving = self._servings.get(request_id)
            if serving is not None:
                serving.losses += suspect
                serving.lost = True
                self._energy.leave(request_id)
                self._memory.drop(request_id, trusted=False)
                self._scheduler.left_batch([request_id], now_s)

    def fail_hopeless(self, max_losses: int, message: str) -> None:
        """Fail requests that were lost too often, or cannot go on where they were."""
        for request_id, serving in list(self._servings.items()):
            begun_for_good = serving.generated > 0 and not serving.restorable
            if serving.losses >= max_losses or (serving.lost and begun_for_good):
                self.fail(request_id, FailureKind.GENERATION, message)
            serving.lost = False

    def _renew(self, serving: Serving, now_s: float) -> None:
        """A leg is used up before the answer is whole: it waits for the next one, its state kept."""
        request_id = serving.request.request_id
        self._batches.leave(request_id)
        self._memory.park(request_id, self._share(serving))
        self._scheduler.left_batch([request_id], now_s)

    def _share(self, serving: Serving) -> int:
        """Most tokens of the next leg."""
        if not serving.restorable:
            return serving.remaining
        return min(serving.remaining, self._leg_tokens + _TO_END_A_CHARACTER)

    def _share_at_start(self, serving: Serving) -> int:
        """Most tokens of the present leg."""
        return min(serving.request.max_new_tokens - serving.leg_began_at, self._leg_tokens + _TO_END_A_CHARACTER)

    # What a pass brought

    def take(self, generations: Sequence[messages.Generation], now_s: float) -> None:
        """Add new tokens to their requests."""
        progress = []
        for generation in generations:
            serving = self._servings.get(generation.request_id)
            if serving is not None:
                self._take(serving, generation, now_s)
                progress.append((generation.request_id, serving.generated))
        self._scheduler.progress_all(progress)

    def _take(self, serving: Serving, generation: messages.Generation, now_s: float) -> None:
        cuttable = serving.cuttable
        tokens = tokens_of(generation.tokens)
        stopped = serving.take(tokens)
        request_id, end = generation.request_id, None
        if generation.HasField("generated_text"):
            end = self._leg_ended(serving, generation.generated_text, now_s)
        elif stopped:
            end = self._whole(serving, FinishReason.STOP, None, None, now_s)
        elif serving.used_up(self._leg_tokens, self._share_at_start(serving)):
            self._renew(serving, now_s)
        elif cuttable != serving.cuttable:
            self._scheduler.pin(request_id, cuttable)
        rivals = [tokens_of(each) for each in generation.top_tokens]
        prefill = prefill_of(generation.prefill_tokens) if generation.HasField("prefill_tokens") else []
        self._outbox.append(TokensEvent(request_id, tokens, rivals, prefill, end))
        if end is not None:
            self.forget(request_id)

    def _leg_ended(self, serving: Serving, ended: messages.GeneratedText, now_s: float) -> GenerationEnd | None:
        reason = serving.finish_reason(reason_of(ended))
        if reason is None:
            self._renew(serving, now_s)
            return None
        text = None if serving.in_later_leg else ended.text
        return self._whole(serving, reason, text, ended.seed if ended.HasField("seed") else None, now_s)

    def _whole(
        self, serving: Serving, reason: FinishReason, text: str | None, seed: int | None, now_s: float
    ) -> GenerationEnd:
        request = serving.request
        self._reception.note_end(serving, self._levels[request.request_id], now_s)
        taken = self._energy.close(request.request_id)
        if serving.in_later_leg:  # the shard tells the seed that was derived for the last leg
            seed = request.sampling.seed if request.sampling.draws else None
        return GenerationEnd(
            finish_reason=reason,
            generated_tokens=serving.generated,
            text=text,
            seed=seed,
            queued_s=request.arrival_s,
            started_s=now_s if serving.started_s is None else serving.started_s,
            preemptions=serving.preemptions,
            energy_j=taken.energy_j if taken else None,
            carbon_gco2e=taken.carbon_gco2e if taken else None,
            carbon_kind=taken.carbon_kind if taken else None,
        )
