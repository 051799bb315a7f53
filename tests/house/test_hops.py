"""What a reader of the server pays: few modules in all, and few of them for one request."""

from pathlib import Path

import pytest

from goldenpath.contract import CONTRACT
from goldenpath.settings import Settings
from serving.app import create_app
from tests.helpers.hops import modules_entered
from tests.helpers.project import PROJECT
from tests.helpers.serving_app import models_of
from tests.helpers.serving_fixtures import records

RECORD = records(1, 7)[0]
MODULES = 27  # 20 answer; the others show or note: counts, candidates, monitor, outcomes, growth, description


@pytest.mark.parametrize(("lane", "way"), [(True, "serving.lane"), (False, "serving.routes.predict")])
def test_one_answer_enters_at_most_12_modules(published: Path, lane: bool, way: str) -> None:
    app = create_app(Settings(home=str(published), lane=lane), CONTRACT, models_of(published), lambda: False)
    statuses = []
    entered = modules_entered(
        lambda: statuses.append(app.test_client().post("/predict", json=RECORD).status_code)
    )
    assert statuses == [200]
    assert {way, "serving.models", "goldenpath.predict"} <= set(entered)
    assert len(entered) <= 12, entered


def test_the_server_has_few_modules_of_at_most_300_lines() -> None:
    modules = [path for path in (PROJECT / "serving").rglob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= MODULES
    assert [path.name for path in modules if len(path.read_text().splitlines()) > 300] == []
