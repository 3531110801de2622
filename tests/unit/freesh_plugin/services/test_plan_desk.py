"""StoringPlanDesk: acknowledged means stored, refusals are counted, changes of state are logged."""

import logging
import threading

import msgspec
import pytest

from freesh_plugin.core.plan import Hold, PlanMode
from freesh_plugin.core.plan_document import PlanDocument
from freesh_plugin.core.plan_status import PlanState, Verdict
from freesh_plugin.runtime.plan_keeper import PlanKeeper
from freesh_plugin.services.plan_desk import MAX_HOLD_CODES, StoringPlanDesk
from tests.fakes.clock import FakeClock
from tests.fakes.plan_store import FakePlanStore
from tests.fakes.plans import SAMPLE_EPOCH, sample_document, sample_plan, sample_text

START_S = 1_800_000_000.0


class HangingPlanStore(FakePlanStore):
    """Saves when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.saving = threading.Event()
        self.let_go = threading.Event()

    def save(self, document: PlanDocument) -> None:
        self.saving.set()
        assert self.let_go.wait(30)
        super().save(document)


def a_desk(store: FakePlanStore, clock: FakeClock | None = None) -> StoringPlanDesk:
    return StoringPlanDesk("node-1", "0.0", clock or FakeClock(START_S), store, PlanKeeper(21_600))


def test_an_accepted_plan_is_stored_acknowledged_and_in_force() -> None:
    store = FakePlanStore()
    desk = a_desk(store)
    answer = desk.accept(sample_text())
    assert answer.verdict is Verdict.ACCEPTED
    assert msgspec.to_builtins(answer.acknowledgement) == {
        "epoch": SAMPLE_EPOCH,
        "revision": 1,
        "digest": sample_plan().digest,
        "accepted": True,
        "reason": "",
    }
    assert store.load() == (sample_document(),)
    assert desk.in_force() == sample_document()


def test_what_cannot_be_stored_is_refused_and_the_old_plan_stays() -> None:
    store = FakePlanStore(sample_document())
    desk = a_desk(store)
    store.full = True
    answer = desk.accept(sample_text(revision=2))
    assert (answer.verdict, answer.acknowledgement.accepted) == (Verdict.NOT_STORED, False)
    assert answer.acknowledgement.reason == "not stored: No space left on device"
    assert desk.in_force() == sample_document()
    store.full = False
    assert desk.accept(sample_text(revision=2)).verdict is Verdict.ACCEPTED


def test_a_restart_takes_up_the_plan_in_force_and_the_one_waiting() -> None:
    store = FakePlanStore()
    first = a_desk(store)
    first.accept(sample_text())
    first.accept(sample_text(epoch=SAMPLE_EPOCH + 1))
    clock = FakeClock(START_S + 60)
    second = a_desk(store, clock)
    assert second.in_force() == sample_document()
    clock.now_s = START_S + 1_800
    assert second.in_force() == sample_document(epoch=SAMPLE_EPOCH + 1)


def test_a_restart_still_refuses_an_older_plan() -> None:
    desk = a_desk(FakePlanStore(sample_document(revision=2)))
    answer = desk.accept(sample_text(revision=1))
    assert (answer.verdict, answer.acknowledgement.revision) == (Verdict.OUT_OF_ORDER, 1)


def test_the_store_forgets_what_is_held_no_longer() -> None:
    store = FakePlanStore()
    desk = a_desk(store)
    for revision in (1, 2, 3):
        desk.accept(sample_text(revision=revision))
    assert store.load() == (sample_document(revision=3),)


def test_the_same_plan_again_is_acknowledged_without_a_write() -> None:
    store = FakePlanStore()
    desk = a_desk(store)
    desk.accept(sample_text())
    store.full = True
    answer = desk.accept(sample_text())
    assert (answer.verdict, answer.acknowledgement.accepted) == (Verdict.UNCHANGED, True)
    assert desk.status().accepted_total == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "$: not JSON"),
        (sample_text()[:-20], "$: not JSON"),
        (sample_text().replace(b"TP2xA100", b"TP2xH100"), "$.digest: "),
        (sample_text().replace(b'"revision": 1', b'"revision": "1"'), "$.revision: "),
        (b"[" * 100_000, "$: "),
    ],
)
def test_what_is_no_plan_is_refused_with_its_path(text: bytes, reason: str) -> None:
    desk = a_desk(FakePlanStore())
    answer = desk.accept(text)
    assert answer.verdict is Verdict.INVALID
    assert answer.acknowledgement.reason.startswith(reason)
    assert desk.status().refusals_total == {Verdict.INVALID: 1}
    assert desk.status().last_refusal.startswith(f"invalid: {reason}")


@pytest.mark.parametrize("depth", [400, 700, 900, *range(960, 1_010), 3_000])
def test_no_depth_of_nesting_gets_past_as_another_error(depth: int) -> None:
    text = sample_text().rstrip()[:-1] + b',"extra":' + b"[" * depth + b"]" * depth + b"}"
    assert a_desk(FakePlanStore()).accept(text).verdict is Verdict.INVALID


def test_control_characters_of_a_plan_reach_neither_log_nor_answer(caplog: pytest.LogCaptureFixture) -> None:
    text = sample_text().replace(b'"epoch"', b'"epo\\u001b[31m\\nch"')
    answer = a_desk(FakePlanStore()).accept(text)
    assert answer.acknowledgement.reason.isprintable()
    assert all(record.getMessage().isprintable() for record in caplog.records)


def test_an_advise_plan_is_shown_and_not_acted_on() -> None:
    desk = a_desk(FakePlanStore())
    desk.accept(sample_text(mode=PlanMode.ADVISE))
    status = desk.status()
    assert (status.state, status.acting) == (PlanState.FRESH, False)
    desk.accept(sample_text(revision=2, mode=PlanMode.ACT))
    assert desk.status().acting


def test_status_follows_the_clock() -> None:
    clock = FakeClock(START_S - 600)
    desk = a_desk(FakePlanStore(), clock)
    desk.accept(sample_text())
    seen = []
    for now_s in (START_S - 600, START_S, START_S + 1_800, START_S + 5_400, START_S - 1):
        clock.now_s = now_s
        status = desk.status()
        seen.append((status.state, status.age_s, len(status.waiting)))
    assert seen == [
        (PlanState.NONE, None, 1),
        (PlanState.FRESH, 0.0, 0),
        (PlanState.STALE, 1_800.0, 0),
        (PlanState.EXPIRED, 5_400.0, 0),
        (PlanState.NONE, None, 1),
    ]


def test_a_disk_that_hangs_holds_up_neither_refusals_nor_status() -> None:
    store = HangingPlanStore()
    desk = a_desk(store)
    accepting = threading.Thread(target=desk.accept, args=(sample_text(),))
    accepting.start()
    try:
        assert store.saving.wait(30)
        assert desk.refuse(Verdict.BAD_TOKEN, "no").verdict is Verdict.BAD_TOKEN
        assert (desk.in_force(), desk.status().refusals_total) == (None, {Verdict.BAD_TOKEN: 1})
    finally:
        store.let_go.set()
        accepting.join(30)
    assert desk.in_force() == sample_document()


def test_holds_are_counted_by_code_and_bounded() -> None:
    desk = a_desk(FakePlanStore())
    for revision in range(1, 4):
        codes = [f"r{revision}-{i}" for i in range(MAX_HOLD_CODES // 2)]
        desk.accept(sample_text(revision=revision, holds=(*(Hold(code, "why") for code in codes), Hold("r1-0", "why"))))
    totals = desk.status().holds_total
    assert len(totals) == MAX_HOLD_CODES + 1
    assert totals["r1-0"] == 4
    assert totals["other"] == MAX_HOLD_CODES // 2


def test_a_change_of_state_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock(START_S)
    desk = a_desk(FakePlanStore(sample_document()), clock)
    with caplog.at_level(logging.INFO):
        for age_s in (0, 10, 1_800, 1_900, 5_400):
            clock.now_s = START_S + age_s
            desk.note_changes()
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "plan_in_force state=fresh epoch=1000000 revision=1 mode=act"),
        ("WARNING", "plan_in_force state=stale epoch=1000000 revision=1 mode=act"),
        ("WARNING", "plan_in_force state=expired epoch=1000000 revision=1 mode=act"),
    ]
