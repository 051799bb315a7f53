"""The candidates on the page: a table and a drawing of the version's own leaderboard, or nothing at all."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from goldenpath.evaluation.leaderboard import Leaderboard
from goldenpath.registry.registry import Registry
from serving.candidates import LARGEST_LEADERBOARD, drawing_of, read_leaderboard
from tests.helpers.leaderboards import made_up_entry, made_up_leaderboard
from tests.helpers.serving_app import client, models_of
from tests.helpers.serving_fixtures import MODEL, promote, publish
from tests.helpers.task_versions import publish_task, task_client


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    promote(folder, publish(folder, 1))
    return folder


def test_the_page_shows_what_each_candidate_is_worth_and_costs(home: Path) -> None:
    text = client(home).get("/").text
    part = text.partition('id="leaderboard"')[2].partition("</section>")[0]
    assert "boosting, fastest answer of the 2 candidates within 0.02 of the best" in part
    assert "ROC AUC (higher is better)" in part
    rows = [row.partition("<")[0] for row in part.split('<th scope="row">')[1:]]
    assert rows == ["forest", "boosting (chosen)", "linear", "lightgbm", "dummy"]
    for cell in ("0.87 [0.85, 0.89]", "20.0 µs", "400 ms", "forest: it was not compiled"):
        assert cell in part
    assert part.count("<circle") == 3
    assert part.count('<g class="chosen">') == 1
    assert "http" not in part


def test_a_version_without_a_leaderboard_has_no_such_part(tmp_path: Path) -> None:
    publish_task(tmp_path, "quantity")
    answer = task_client(tmp_path, "quantity").get("/")
    assert answer.status_code == 200
    assert "leaderboard" not in answer.text


def test_marks_lie_by_time_and_quality_and_areas_are_training_times() -> None:
    drawing = drawing_of(made_up_leaderboard())
    assert drawing is not None
    forest, boosting, linear = drawing.marks
    assert [mark.name for mark in drawing.marks] == ["forest", "boosting", "linear"]
    assert linear.x < boosting.x < forest.x < drawing.right
    assert linear.y > boosting.y > forest.y
    assert all(mark.low > mark.y > mark.high for mark in drawing.marks)
    assert (boosting.radius / forest.radius) ** 2 == pytest.approx(0.4 / 1.6)
    assert (boosting.x - linear.x) / (forest.x - linear.x) == pytest.approx(1 / 3.477, abs=0.01)
    assert [mark.chosen for mark in drawing.marks] == [False, True, False]
    assert [seconds for _, seconds in drawing.decades] == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2])


def test_one_candidate_or_a_time_that_is_none_is_not_drawn() -> None:
    alone = made_up_leaderboard(entries=(made_up_entry("boosting", 0.8, 1.0, 1e-5),))
    never = (made_up_entry("boosting", 0.8, 1.0, 0.0), made_up_entry("linear", 0.8, 1.0, 1e-5))
    unmeasured = (made_up_entry("boosting", float("nan"), 1.0, 1e-4), made_up_entry("linear", 0.8, 1.0, 1e-5))
    boards = [alone, *(made_up_leaderboard(entries=entries) for entries in (never, unmeasured))]
    assert [drawing_of(board) for board in boards] == [None, None, None]
    same = (made_up_entry("boosting", 0.8, 0.0, 1e-5), made_up_entry("linear", 0.8, 0.0, 1e-5))
    assert drawing_of(made_up_leaderboard(entries=same)) is not None


def test_a_leaderboard_that_was_altered_or_is_large_is_not_shown(tmp_path: Path) -> None:
    version = publish(tmp_path, 1)
    promote(tmp_path, version)
    models, registry = models_of(tmp_path), Registry(tmp_path, MODEL)
    file, manifest = registry.folder(version) / "leaderboard.json", registry.verify(version)
    assert read_leaderboard(registry, manifest) == made_up_leaderboard()
    entry = manifest.files["leaderboard.json"]
    large = entry.model_copy(update={"size": LARGEST_LEADERBOARD + 1})
    grown = manifest.model_copy(update={"files": {**manifest.files, "leaderboard.json": large}})
    assert read_leaderboard(registry, grown) is None
    file.chmod(0o600)
    file.write_text(file.read_text().replace("0.87", "0.99"))
    answer = client(tmp_path, models).get("/")
    assert (answer.status_code, "leaderboard" in answer.text) == (200, False)


@pytest.mark.parametrize("changes", [{"chosen": "nobody"}, {"metric": "of_another_release"}])
def test_a_leaderboard_that_contradicts_itself_is_refused(changes: dict[str, str]) -> None:
    content = json.dumps(made_up_leaderboard().model_dump(mode="json") | changes)
    with pytest.raises(ValidationError, match=r"no entry is the chosen|lacks the metric of the choice"):
        Leaderboard.model_validate_json(content)
