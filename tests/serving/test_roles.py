"""Roles while the server runs: who answers, what is refused, and what goes on whatever happens."""

import json
import shutil
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from goldenpath.errors import VolumeFault
from goldenpath.predict import Predictor
from goldenpath.registry.registry import Registry
from serving.models import Live, Models, point
from serving.watchers.metrics import Metrics, compare_copies
from serving.worker import load, registry_of
from tests.helpers.serving_app import client, models_of, settings_of, worker
from tests.helpers.serving_fixtures import MODEL, promote, publish, records

RECORDS = records(400, 7)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    "Return a home with three versions and no roles."
    home = tmp_path_factory.mktemp("home")
    return home, [publish(home, seed) for seed in (1, 2, 3)]


@pytest.fixture
def home(prepared: tuple[Path, list[str]], tmp_path: Path) -> Path:
    "Return a copy of it."
    return Path(shutil.copytree(prepared[0], tmp_path / "copy"))


@pytest.fixture
def versions(prepared: tuple[Path, list[str]]) -> list[str]:
    return prepared[1]


class Comparisons:
    "Metrics that only keep whether the shadow agreed."

    def __init__(self) -> None:
        self.agreed: list[bool] = []

    def compare(self, agrees: bool, seconds: float) -> None:
        self.agreed.append(agrees)


def spoil(home: Path, version: str) -> None:
    "Flip one bit of a version's model; done again, it is as before."
    model = home / "models" / MODEL / "versions" / version / "model.onnx"
    model.chmod(0o644)
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)


def champion_of(models: Models) -> str | None:
    return models.live.champion.version if models.live.champion else None


def test_a_new_champion_answers_after_one_look(home: Path, versions: list[str]) -> None:
    promote(home, versions[0])
    models = models_of(home)
    assert champion_of(models) == versions[0]
    promote(home, versions[1])
    models.look()
    assert champion_of(models) == versions[1]
    assert models.live.problems == ()


def test_what_did_not_change_is_not_loaded_again(home: Path, versions: list[str]) -> None:
    promote(home, versions[0])
    models = models_of(home)
    held = models.live
    models.look()
    assert models.live is held
    promote(home, versions[1], "shadow")
    models.look()
    assert models.live.champion is held.champion


def test_a_spoilt_champion_is_refused_and_the_last_good_one_answers(home: Path, versions: list[str]) -> None:
    promote(home, versions[0])
    models = models_of(home)
    promote(home, versions[1])
    spoil(home, versions[1])
    models.look()
    assert champion_of(models) == versions[0]
    reason, instead = models.live.problems
    assert f"{versions[1]} cannot answer" in reason
    assert "altered" in reason
    assert instead == f"{versions[0]} answers instead of {versions[1]}"
    promote(home, versions[2])
    models.look()
    assert champion_of(models) == versions[2]
    assert models.live.problems == ()


def test_a_started_server_takes_the_last_champion_that_can_answer(home: Path, versions: list[str]) -> None:
    for version in versions:
        promote(home, version)
    spoil(home, versions[2])
    models = models_of(home)
    assert champion_of(models) == versions[1]
    ready = client(home, models).get("/health/ready")
    assert ready.status_code == 200
    assert ready.json["problems"][-1] == f"{versions[1]} answers instead of {versions[2]}"


def test_a_withdrawn_champion_stops_answering_and_the_one_before_goes_on(
    home: Path, versions: list[str]
) -> None:
    promote(home, versions[0])
    promote(home, versions[1])
    models = models_of(home)
    Registry(home, MODEL).withdraw(versions[1], why="it is wrong", who="ada@example.org")
    models.look()
    assert champion_of(models) == versions[0]
    [why] = models.live.problems
    assert why.startswith(f"no version is champion since {versions[1]} was withdrawn: {versions[0]} answers")
    assert "`goldenpath models promote VERSION`" in why
    assert models_of(home).live.problems == (why,)
    Registry(home, MODEL).withdraw(versions[0], why="so is this", who="ada@example.org")
    models.look()
    assert client(home, models).post("/predict", json=RECORDS[0]).status_code == 503


def test_a_role_log_that_cannot_be_read_changes_nothing(home: Path, versions: list[str]) -> None:
    promote(home, versions[0])
    models = models_of(home)
    told: list[int] = []
    models.subscribe(lambda live: told.append(len(live.problems)))
    log = home / "models" / MODEL / "roles"
    log.rename(log.with_name("elsewhere"))
    models.look()
    models.look()
    assert champion_of(models) == versions[0]
    assert "shows entry 0 after 1" in models.live.problems[0]
    assert told == [0, 1]
    log.with_name("elsewhere").rename(log)
    promote(home, versions[1])
    models.look()
    assert champion_of(models) == versions[1]
    assert models.live.problems == ()


def test_where_there_is_no_champion_the_folder_that_was_looked_in_is_named(tmp_path: Path) -> None:
    [why] = models_of(tmp_path / "typo").live.problems
    assert f"champion in {tmp_path}/typo/models/{MODEL}, which is not there" in why


@pytest.mark.parametrize("pinned", [False, True])
def test_a_fault_of_the_volume_is_tried_again_at_once(home: Path, versions: list[str], pinned: bool) -> None:
    promote(home, versions[0])
    good = models_of(home)
    faults = [VolumeFault("the volume is away for a moment")]

    def load_later(version: str) -> object:
        if faults:
            raise faults.pop()
        return good.live.champion

    models = Models(good.registry, load_later, versions[0] if pinned else "")  # type: ignore[arg-type]
    models.look()
    assert models.live.champion is None
    assert "away for a moment" in models.live.problems[0]
    models.look()
    assert (models.live.champion, models.live.problems) == (good.live.champion, ())


def noting_loads(home: Path) -> tuple[Models, list[str]]:
    "Return the models of a home before their first look, and every version that they try to load."
    registry, loads = registry_of(settings_of(home)), list[str]()

    def noted(version: str) -> Predictor:
        loads.append(version)
        return load(registry, settings_of(home), version)

    return Models(registry, noted), loads


def test_a_refused_version_is_not_loaded_again_at_every_look(home: Path, versions: list[str]) -> None:
    promote(home, versions[0])
    promote(home, versions[1])
    spoil(home, versions[1])
    models, loads = noting_loads(home)
    for _ in range(3):
        models.look()
    assert champion_of(models) == versions[0]
    assert loads == [versions[1], versions[0]]


def test_a_refused_version_is_tried_again_later_and_answers_once_it_is_repaired(
    home: Path, versions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(home, versions[0])
    spoil(home, versions[0])
    models, _ = noting_loads(home)
    models.look()
    spoil(home, versions[0])  # the same bit again
    models.look()
    assert "altered" in models.live.problems[0]
    monkeypatch.setattr("serving.models.RETRY_SECONDS", 0.0)
    models.look()
    assert (champion_of(models), models.live.problems) == (versions[0], ())


def test_the_challenger_answers_its_share_and_sticks_to_the_record(home: Path, versions: list[str]) -> None:
    promote(home, versions[0])
    promote(home, versions[1], "challenger", 0.25)
    caller = client(home)
    first = [caller.post("/predict", json=record).json["version"] for record in RECORDS]
    again = [caller.post("/predict", json=record).json["version"] for record in RECORDS]
    assert first == again
    assert Counter(first)[versions[1]] == pytest.approx(100, abs=30)


def test_the_challenger_sticks_to_the_callers_key(home: Path, versions: list[str]) -> None:
    promote(home, versions[0])
    promote(home, versions[1], "challenger", 0.5)
    caller = client(home)
    for key in ("caller-1", "caller-2", "caller-3", "caller-4"):
        headers = {"X-Sticky-Key": key}
        said = {caller.post("/predict", json=one, headers=headers).json["version"] for one in RECORDS[:20]}
        batch = caller.post("/predict/batch", json=RECORDS[:3], headers=headers).json["version"]
        assert said == {batch} == {versions[point(key.encode()) < 0.5]}


def test_the_shadow_is_compared_and_never_answers(home: Path, versions: list[str]) -> None:
    promote(home, versions[0])
    promote(home, versions[1], "shadow")
    state, comparisons = worker(home, shadow_queue=100), Comparisons()
    agreed = []
    for body in map(json.dumps, RECORDS[:100]):
        timed = state.answer(body.encode())
        assert timed.answer.version == versions[0]
        state.compare(timed.record, timed.answer, "id", "", b"")
        agreed.append(state.live.shadow.one(timed.record).label == timed.answer.label)  # type: ignore[union-attr]
    copies = list(state.copies._waiting)  # type: ignore[union-attr]
    compare_copies(cast(Metrics, comparisons), lambda copy, answer: None, copies)
    assert comparisons.agreed == agreed
    assert sum(agreed) > 0


def test_a_full_queue_of_the_shadow_drops_and_counts(home: Path, versions: list[str]) -> None:
    promote(home, versions[0])
    promote(home, versions[1], "shadow")
    state = worker(home, shadow_queue=5)
    timed = state.answer(json.dumps(RECORDS[0]).encode())
    for _ in range(8):
        state.compare(timed.record, timed.answer, "id", "", b"")
    [copies] = [queue for queue in state.queues if queue.name == "shadow"]
    assert (len(copies), copies.dropped) == (5, 3)


def test_the_memo_answers_the_same_and_is_gone_with_its_version(home: Path, versions: list[str]) -> None:
    promote(home, versions[0])
    models = models_of(home)
    plain = client(home, models)
    remembering = client(home, models, memo=50)
    for record in [*RECORDS[:60], *RECORDS[:60]]:
        ours, theirs = (
            remembering.post("/predict", json=record).json,
            plain.post("/predict", json=record).json,
        )
        assert {**ours, "id": 0} == {**theirs, "id": 0}
    assert len(models.live.memo) == 50
    promote(home, versions[1])
    models.look()
    assert len(models.live.memo) == 0
    assert remembering.post("/predict", json=RECORDS[0]).json["version"] == versions[1]


def test_the_memo_keeps_callers_of_different_versions_apart(home: Path, versions: list[str]) -> None:
    promote(home, versions[0])
    promote(home, versions[1], "challenger", 0.5)
    remembering = client(home, memo=50)
    for key in ("caller-1", "caller-2", "caller-3", "caller-4") * 2:
        answer = remembering.post("/predict", json=RECORDS[0], headers={"X-Sticky-Key": key}).json
        assert answer["version"] == versions[point(key.encode()) < 0.5]


def test_the_memo_keeps_no_refusals_and_no_long_bodies(home: Path, versions: list[str]) -> None:
    promote(home, versions[0])
    models = models_of(home)
    remembering = client(home, models, memo=50)
    assert remembering.post("/predict", json={}).status_code == 422
    spaced = json.dumps(RECORDS[0]) + " " * 5_000
    assert remembering.post("/predict", data=spaced, content_type="application/json").status_code == 200
    assert models.live.memo == {}


def test_who_subscribes_in_the_middle_of_an_assignment_gets_its_outcome(home: Path) -> None:
    models = Models(Registry(home, MODEL), lambda version: pytest.fail("nothing is loaded"))
    assigning, go_on, latest = threading.Event(), threading.Event(), dict[str, tuple[str, ...]]()

    def slow(live: Live) -> None:
        if live.problems == ("newer",):
            assigning.set()
            go_on.wait(60)

    models.subscribe(slow)
    assign = threading.Thread(target=models._assign, args=(replace(models.live, problems=("newer",)),))
    assign.start()
    assert assigning.wait(60)
    late = threading.Thread(
        target=models.subscribe, args=(lambda live: latest.update(problems=live.problems),)
    )
    late.start()
    go_on.set()
    assign.join(60)
    late.join(60)
    assert latest == {"problems": ("newer",)}
