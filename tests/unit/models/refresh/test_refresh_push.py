"""Whom a plan is pushed to, what their answers become, and who counts as having acknowledged."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from freesh_plugin.core.errors import ConfigError, PlanError, SourceError
from freesh_plugin.core.plan import PlanMode
from freesh_plugin.core.units import epoch_start_s
from models.domain.records import AcknowledgementRecord, PlanRecord
from models.domain.scenario import Endpoint
from models.refresh.push import Access, acknowledged, publication, push_to, stored_plan
from models.sources.store import SqlPlanningStore
from tests.fakes.payload_server import html, payload_server, reply
from tests.fakes.plan_server import TOKEN, RunningServer, running_plan_server
from tests.fakes.plan_store import FakePlanStore
from tests.fakes.plans import SAMPLE_EPOCH, sample_plan, sample_text
from tests.fakes.small_fleet import small_fleet

BEFORE = datetime.fromtimestamp(epoch_start_s(SAMPLE_EPOCH) - 600, UTC)
ENDPOINTS = "[{name: g, kind: gateway, location: clean, url: 'http://127.0.0.1:1'}]"


def kept(
    store: SqlPlanningStore, revision: int = 1, mode: PlanMode = PlanMode.ACT, epoch: int = SAMPLE_EPOCH
) -> PlanRecord:
    plan = sample_plan(epoch, revision, mode)
    record = PlanRecord(epoch, revision, mode.value, plan.digest, sample_text(epoch, revision, mode), BEFORE)
    store.save_plan(record)
    return record


def accept(store: SqlPlanningStore, record: PlanRecord, endpoint: str = "g") -> None:
    store.save_acknowledgement(AcknowledgementRecord(record.epoch, record.revision, endpoint, True, 200, "", BEFORE))


@pytest.fixture
def runtime() -> Iterator[RunningServer]:
    with running_plan_server(FakePlanStore()) as server:
        yield server


def endpoint(url: str, name: str = "g") -> Endpoint:
    return Endpoint(name, "gateway", "clean", url)


def test_a_plan_goes_to_every_endpoint_of_the_fleet(store: SqlPlanningStore, tmp_path: Path) -> None:
    fleet = small_fleet(tmp_path / "fleet", endpoints=ENDPOINTS)
    decided = publication(kept(store), fleet, store, now=BEFORE, backfill=False)
    assert [each.name for each in decided.endpoints] == ["g"]


def test_a_slot_in_progress_is_pushed_and_one_that_is_over_never(store: SqlPlanningStore, tmp_path: Path) -> None:
    fleet, record = small_fleet(tmp_path / "fleet", endpoints=ENDPOINTS), kept(store)
    last_moment = BEFORE + timedelta(seconds=600 + 1_799)
    assert publication(record, fleet, store, now=last_moment, backfill=False).endpoints
    over = publication(record, fleet, store, now=last_moment + timedelta(seconds=1), backfill=False)
    assert over.endpoints == ()
    assert "was over" in over.reason


def test_a_backfill_never_pushes_even_a_slot_to_come(store: SqlPlanningStore, tmp_path: Path) -> None:
    fleet = small_fleet(tmp_path / "fleet", endpoints=ENDPOINTS)
    decided = publication(kept(store), fleet, store, now=BEFORE, backfill=True)
    assert (decided.endpoints, "backfill" in decided.reason) == ((), True)


def test_advice_never_displaces_a_plan_that_runtimes_act_on(store: SqlPlanningStore, tmp_path: Path) -> None:
    fleet = small_fleet(tmp_path / "fleet", endpoints=ENDPOINTS)
    acting = kept(store, epoch=SAMPLE_EPOCH - 1)
    advice = kept(store, mode=PlanMode.ADVISE)
    assert publication(advice, fleet, store, now=BEFORE, backfill=False).endpoints, "nobody has accepted the act plan"
    accept(store, acting)
    decided = publication(advice, fleet, store, now=BEFORE, backfill=False)
    assert decided.endpoints == ()
    assert f"{acting.epoch}.1" in decided.reason
    expired = BEFORE + timedelta(seconds=5_400)
    late_advice = kept(store, mode=PlanMode.ADVISE, epoch=SAMPLE_EPOCH + 3)
    assert publication(late_advice, fleet, store, now=expired, backfill=False).endpoints


def test_without_endpoints_a_plan_is_for_reading(store: SqlPlanningStore, tmp_path: Path) -> None:
    decided = publication(kept(store), small_fleet(tmp_path / "fleet"), store, now=BEFORE, backfill=False)
    assert "names no endpoints" in decided.reason


def test_an_accepted_plan_is_recorded(store: SqlPlanningStore, runtime: RunningServer) -> None:
    record = kept(store)
    heard = push_to(record, endpoint(runtime.url), Access(TOKEN), store, now=BEFORE)
    assert (heard.accepted, heard.status_code) == (True, 200)
    assert store.acknowledgements(record.epoch, 1) == (heard,)
    assert runtime.client().get("/v1/status").json()["accepted_total"] == 1


def test_the_same_plan_again_is_accepted_again(store: SqlPlanningStore, runtime: RunningServer) -> None:
    record = kept(store)
    for _ in range(2):
        assert push_to(record, endpoint(runtime.url), Access(TOKEN), store, now=BEFORE).accepted


def test_a_refusal_is_recorded_with_its_reason_and_not_tried_again(
    store: SqlPlanningStore, runtime: RunningServer
) -> None:
    push_to(kept(store, revision=2), endpoint(runtime.url), Access(TOKEN), store, now=BEFORE)
    old = kept(store, revision=1)
    with pytest.raises(PlanError, match="older"):
        push_to(old, endpoint(runtime.url), Access(TOKEN), store, now=BEFORE)
    (heard,) = store.acknowledgements(old.epoch, 1)
    assert (heard.accepted, heard.status_code) == (False, 409)
    with pytest.raises(PlanError, match="token"):
        push_to(old, endpoint(runtime.url), Access("another-token-of-16"), store, now=BEFORE)
    assert store.acknowledgements(old.epoch, 1)[-1].status_code == 401


def test_a_runtime_that_is_down_is_recorded_and_worth_another_try(store: SqlPlanningStore) -> None:
    record = kept(store)
    with pytest.raises(SourceError):
        push_to(record, endpoint("http://127.0.0.1:1"), Access(), store, now=BEFORE)
    (heard,) = store.acknowledgements(record.epoch, 1)
    assert (heard.accepted, heard.status_code) == (False, None)


@pytest.mark.parametrize("behaviour", [reply(b"oops", status=500), html()])
def test_what_answers_but_is_no_runtime_is_recorded(store: SqlPlanningStore, behaviour: object) -> None:
    record = kept(store)
    with payload_server(behaviour) as server, pytest.raises(SourceError):  # type: ignore[arg-type]  # parametrize loses the type
        push_to(record, endpoint(server.url), Access(), store, now=BEFORE)
    assert not store.acknowledgements(record.epoch, 1)[-1].accepted


def test_a_token_never_travels_in_the_clear_to_another_machine(store: SqlPlanningStore) -> None:
    record = kept(store)
    with pytest.raises(ConfigError, match="http"):
        push_to(record, endpoint("http://192.0.2.1:9480"), Access("a-token-of-sixteen"), store, now=BEFORE)
    assert "http" in store.acknowledgements(record.epoch, 1)[0].reason


def test_the_last_word_of_each_endpoint_counts_and_silence_is_recorded(store: SqlPlanningStore) -> None:
    record = kept(store)
    names = ("late", "turned", "silent")
    for endpoint_name, accepted, minute in (
        ("late", False, 0),
        ("late", True, 1),
        ("turned", True, 0),
        ("turned", False, 1),
    ):
        store.save_acknowledgement(
            AcknowledgementRecord(
                record.epoch,
                1,
                endpoint_name,
                accepted,
                200 if accepted else 409,
                "x",
                BEFORE + timedelta(minutes=minute),
            )
        )
    result = acknowledged(record, [endpoint("http://127.0.0.1:1", name) for name in names], store, now=BEFORE)
    assert result.accepted == ("late",)
    assert set(result.missing) == {"turned", "silent"}
    assert {each.endpoint for each in store.acknowledgements(record.epoch, 1)} == set(names)


def test_a_plan_that_is_not_stored_is_said(store: SqlPlanningStore) -> None:
    with pytest.raises(PlanError, match=r"plan 7\.1 is not in the store"):
        stored_plan(store, 7, 1)
