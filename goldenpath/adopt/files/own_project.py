"""The story of this project: drawn rows go in, an answer comes out. Add your own tests here."""

import pytest

from goldenpath import Project, open_predictor, open_step
from goldenpath.schema.golden import pool
from goldenpath.settings import load_settings
from goldenpath.steps.data import make_data
from goldenpath.steps.evaluate import evaluate
from goldenpath.steps.publish import publish
from goldenpath.steps.train import train


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    "Return this project with a home of its own and synthetic rows."
    settings = load_settings().changed(
        home=str(tmp_path_factory.mktemp("home")),
        source="synthetic",
        synthetic_rows=4_000,
        split="hash 0.60 0.20 0.20",
        slices="",
        gate_floors="",
        auto_promote="yes",
        bootstrap=20,
    )
    return Project(settings)


@pytest.fixture(scope="module")
def version(project: Project) -> str:
    "Train, judge and publish a version."
    with open_step("02_data", project=project) as step:
        make_data(step)
        run = step.run.id
    for name, do in (
        ("05_train", lambda step: train(step, 42)),
        ("06_evaluate", evaluate),
        ("07_publish", publish),
    ):
        with open_step(name, run=run, project=project) as step:
            do(step)
            run = step.run.id
    champion: str | None = project.registry.roles().champion
    assert champion
    return champion


def test_the_champion_answers_every_record_that_the_contract_allows(project: Project, version: str) -> None:
    predictor = open_predictor(project.registry)
    assert predictor.version == version
    for record in pool(project.contract.spec, n=50).records:
        assert predictor.predict(record)
