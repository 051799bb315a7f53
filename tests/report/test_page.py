"""report.html: complete in itself, without script, and safe whatever stands in the records."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from goldenpath.evaluation.gate import Rule, Verdict
from goldenpath.evaluation.leaderboard import COMPARED_BY
from goldenpath.evaluation.record import Judgment
from goldenpath.evaluation.slices import Slice
from goldenpath.inference.explained_records import ExplainedRecord
from goldenpath.inference.explanation import Explanation
from goldenpath.measure.growth import Growth
from goldenpath.report.card import Words
from goldenpath.report.contrast_plot import plot_contrast
from goldenpath.report.growth_plot import plot_growth
from goldenpath.report.leaderboard_plot import plot_costs
from goldenpath.report.material import EXPLORED, Material, Picture, drawn, grown, pictures
from goldenpath.report.page import report
from goldenpath.report.plots import png_of
from goldenpath.report.render import rule_words
from tests.helpers.browser import browser_page
from tests.helpers.leaderboards import made_up_entry, made_up_leaderboard
from tests.helpers.trained_run import judged
from tests.measure.test_growth import grown_by_rows
from tests.steps.test_contrast import made_up

VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    "What a page consists of; complains where tags are not closed in order."

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.tags if name in attributes]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Judgment]:
    "Return a home with a run that was really judged."
    home = tmp_path_factory.mktemp("home")
    run, judgement = judged(home)
    return run.folder, judgement


@pytest.fixture(scope="module")
def with_candidates(material: Material) -> Material:
    "Return the same with the candidates that the version was chosen from."
    leaderboard = made_up_leaderboard()
    return replace(material, leaderboard=leaderboard, **drawn(leaderboard))


@pytest.fixture(scope="module")
def material(found: tuple[Path, Judgment]) -> Material:
    "Return the report's material of that run, with a contrast of round figures."
    folder, judgement = found
    return Material(
        contrast=made_up(synthetic=True, version=judgement.manifest.version),
        manifest=judgement.manifest,
        contrast_plot=pictures(folder / "evaluation", {})[0],
        evaluation=judgement.evaluation,
        verdict=judgement.verdict,
        evaluation_plots=pictures(folder / "evaluation", {"groups": "Recall of every group"}),
        findings=("Race is unknown for 4 of 10 rows.",),
        words=Words(purpose="Shows how a model gets into service.", limits=("The rows end in early 2021.",)),
    )


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs(material: Material) -> None:
    text = report(material)
    page = Page(text)
    kinds = {tag for tag, _ in page.tags}
    assert not kinds & {"script", "link", "iframe", "object", "embed", "base", "form"}
    assert all(source.startswith("data:image/png;base64,") for source in page.values("src"))
    assert all(target.startswith("#") for target in page.values("href"))
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert not re.search(r"url\(|@import|https?://", text)


def test_every_link_leads_to_a_section(material: Material) -> None:
    page = Page(report(material))
    assert {target.removeprefix("#") for target in page.values("href")} <= set(page.values("id"))


def test_every_picture_has_words(material: Material) -> None:
    page = Page(report(material))
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) == 6
    assert all(image["alt"] for image in images)


def test_contrast_evaluation_data_and_bias_are_on_one_page(material: Material) -> None:
    text = Page(report(material)).text
    for told in (
        "2,500 times faster",
        "over HTTP, Flask without a model",
        "warm-up is not counted",
        f"{material.manifest.metrics['roc_auc']:.3f}",
        "majority baseline",
        "ROC AUC (higher is better)",
        "Brier score (lower is better)",
        "ROC AUC above the baseline",
        "80+ Years",
        "synthetic stand-in",
        "Race is unknown for 4 of 10 rows.",
        "The rows end in early 2021.",
        "Measured on a machine.",
        material.manifest.version,
    ):
        assert told in text


def test_notes_name_the_lines_of_the_table_and_rows_set_aside_have_a_reason(material: Material) -> None:
    noted = replace(material, contrast=made_up(notes=("http_floor_s: no server", "one worker")))
    text = Page(report(noted)).text
    assert "over HTTP, Flask without a model: no server" in text
    assert "one worker" in text
    assert "set aside (outcome unknown)" in text


def test_real_rows_carry_no_banner(material: Material) -> None:
    real = material.manifest.model_copy(
        update={"data": material.manifest.data.model_copy(update={"source": "rows.csv"})}
    )
    assert "stand-in" not in report(Material(made_up(), real, Picture(b"", "times")))


def test_steps_that_worked_in_an_older_run_are_named_with_it(material: Material) -> None:
    assert "taken over from" not in Page(report(material)).text
    page = Page(report(replace(material, taken_over="run 20261121T000000Z-abcdef: 02_data")))
    assert "run 20261121T000000Z-abcdef: 02_data; their seconds were measured there" in page.text


def test_what_is_missing_is_left_out_or_said(material: Material) -> None:
    bare = Material(made_up(http_s=None, http_floor_s=None), material.manifest, Picture(b"", "times"))
    text = Page(report(bare)).text
    assert "No run in this home holds the evaluation of this version." in text
    assert "in-process median (no server)" in text
    assert "Gate" not in text


def test_no_record_can_smuggle_in_markup(material: Material) -> None:
    nasty = "<script>alert(1)</script>\"'&"
    slices = (
        Slice(
            column=nasty,
            level=nasty,
            count=1,
            positives=0,
            rate=0,
            predicted=0,
            recall=None,
            false_positive_rate=0,
        ),
    )
    rule = Rule(name=nasty, value=None, threshold=None, result="hold", detail=nasty)
    told = Material(
        contrast=made_up(model=nasty, machine=nasty, notes=(nasty,)),
        manifest=material.manifest.model_copy(update={"who": nasty}),
        contrast_plot=Picture(b"png", nasty),
        evaluation=material.evaluation.model_copy(update={"slices": slices, "not_comparable": nasty}),
        verdict=Verdict(version="v", synthetic=False, champion=None, roles_number=0, rules=(rule,)),
        findings=(nasty,),
        words=Words(purpose=nasty, limits=(nasty,)),
    )
    page = Page(report(told))
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count(nasty) >= 10


def test_pictures_of_exploring_come_first_in_a_fixed_order(tmp_path: Path) -> None:
    for name in ("zebra", "groups", "rates"):
        (tmp_path / f"{name}.png").write_bytes(b"png")
    assert [one.shows for one in pictures(tmp_path, EXPLORED)] == [
        EXPLORED["rates"],
        EXPLORED["groups"],
        "zebra",
    ]


def test_the_contrast_plot_writes_every_single_time_at_its_own_place() -> None:
    figure = plot_contrast(made_up())
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert len(axes.get_yticks()) == 7
    at = {text.get_text(): text.xy[0] for text in axes.texts}
    assert len(at) == 7 + 4  # four of them also with their 99th percentile
    assert (at["500 ms"], at["200 µs"], at["20.0 µs"]) == (0.5, 0.0002, 0.00002)
    assert (at["p99 800 µs"], at["p99 80.0 µs"]) == (0.0008, 0.00008)
    assert png_of(figure).startswith(b"\x89PNG")


def test_the_plot_of_growth_puts_each_number_of_rows_at_its_time_and_the_server_below() -> None:
    told = made_up(growth=grown_by_rows(1_000, 14_000, 15_000, 1_000_000))
    figure = plot_growth(told, told.grown)
    (axes,) = figure.axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    training, server = axes.lines
    assert training.get_xydata().tolist() == [
        [rows, 1e-5 * rows] for rows in (1_000, 14_000, 15_000, 1_000_000)
    ]
    assert set(server.get_ydata()) == {told.http_s.p50}
    texts = {text.get_text() for text in axes.texts}
    assert texts == {
        "10.0 ms",
        "140 ms",  # of the run's own rows; 15,000 are too near for a label
        "10.0 s",
        "train, then predict",
        "ask a running server: 200 µs",
        "50,000 times\nas long",
        "",
    }


def test_the_picture_of_growth_comes_first_with_its_figures_as_text(material: Material) -> None:
    told = made_up(growth=grown_by_rows(1_000, 10_000))
    page = Page(report(replace(material, contrast=told, growth_plot=grown(told))))
    [first, *_] = [attributes["alt"] for tag, attributes in page.tags if tag == "img"]
    assert first.startswith("Train, then predict: 10.0 ms with 1,000 rows, 100 ms with 10,000 rows; ")
    assert "a running server answers in 200 µs. Training reads the checked rows" in first


@pytest.mark.parametrize("growth", [None, grown_by_rows(14_000)])
def test_a_page_without_growth_does_not_speak_of_it(material: Material, growth: Growth | None) -> None:
    told = made_up(growth=growth)
    assert grown(told) is None
    text = report(replace(material, contrast=told, growth_plot=grown(told)))
    assert "growth" not in text
    assert "Train, then predict:" not in text


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)])
def test_a_browser_shows_it_without_script_at_any_width(
    browser: Any, material: Material, tmp_path: Path, scheme: str, width: int
) -> None:
    file = tmp_path / "report.html"
    file.write_text(report(material), "utf-8")
    asked = []
    with browser_page(browser, width, color_scheme=scheme, java_script_enabled=False) as page:
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())
        assert page.locator("h2").all_inner_texts() == ["Contrast", "Evaluation", "Data and bias", "Origin"]
        assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
        assert page.locator("main").bounding_box()["width"] <= width
        ground = page.locator("body").evaluate("element => getComputedStyle(element).backgroundColor")
    assert (ground == "rgb(20, 22, 26)") is (scheme == "dark")


def test_the_page_is_no_wider_than_a_phone(browser: Any, material: Material, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(report(material), "utf-8")
    with browser_page(browser, 360) as page:
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_small_plots_stand_side_by_side_and_others_take_the_width(
    browser: Any, material: Material, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(report(material), "utf-8")
    with browser_page(browser) as page:
        page.goto(file.as_uri())
        halves = [one.bounding_box() for one in page.locator(".pictures .half").all()]
        wide = [one.bounding_box() for one in page.locator(".pictures .wide").all()]
    assert len(halves) == 3
    assert halves[0]["y"] == halves[1]["y"]
    assert [one["width"] > 800 for one in wide] == [True, True]


def test_candidates_are_compared_in_a_table_and_two_plots(with_candidates: Material) -> None:
    page = Page(report(with_candidates))
    for words in ("boosting (chosen)", "0.87[0.85, 0.89]", "Brier score (lower is better)", "not installed"):
        assert words in page.text
    shown = [attributes["alt"] or "" for tag, attributes in page.tags if tag == "img"]
    assert any(alt.startswith("As the model changes: seconds to train") for alt in shown)
    assert any(alt.startswith("What each candidate is worth") for alt in shown)


def test_candidates_without_times_have_a_table_alone(material: Material) -> None:
    untimed = made_up_entry("linear", 0.8, 1.0, 1.0).model_copy(update={"latency": None})
    leaderboard = made_up_leaderboard(entries=(untimed,), chosen="linear")
    text = report(replace(material, leaderboard=leaderboard, **drawn(leaderboard)))
    assert "linear (chosen)" in text
    assert "As the model changes" not in text


def test_the_table_of_candidates_fits_a_page_of_usual_width(
    browser: Any, with_candidates: Material, tmp_path: Path
) -> None:
    spreads = {name: made_up_leaderboard().dummy["roc_auc"] for name in COMPARED_BY["classes"]}
    wide = [
        made_up_entry(name, 0.1, 1.0, 1e-5).model_copy(update={"metrics": spreads})
        for name in ("boosting", "linear")
    ]
    leaderboard = made_up_leaderboard(metric="roc_auc_ovr", dummy=spreads, entries=tuple(wide))
    file = tmp_path / "report.html"
    file.write_text(report(replace(with_candidates, leaderboard=leaderboard)), "utf-8")
    with browser_page(browser, 1100) as page:
        page.goto(file.as_uri())
        fits = "table => table.scrollWidth <= table.parentElement.clientWidth"
        assert page.locator("table.fit").evaluate(fits)


def test_the_plot_of_costs_shows_training_against_answering_with_lines_of_equal_ratio() -> None:
    axes = plot_costs(made_up_leaderboard()).axes[0]
    (marks,) = axes.collections
    assert sorted(map(tuple, marks.get_offsets().tolist())) == [(2e-6, 0.04), (2e-5, 0.4), (6e-3, 1.6)]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    texts = {text.get_text(): text for text in axes.texts}
    assert "boosting, chosen\nROC AUC 0.87" in texts
    across, up = texts["10,000 answers"].xy
    assert up / across == pytest.approx(10_000)
    heights = [
        texts[f"{name}\nROC AUC {value}"].xyann[1] for name, value in (("forest", 0.88), ("linear", 0.84))
    ]
    assert heights == sorted(heights, reverse=True)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("roc_auc_ovr against the champion", "ROC AUC, one against the rest against the champion"),
        ("recall_New York at least", "recall of New York at least"),
        ("lowest recall of a slice", "lowest recall of a slice"),
        ("no stand-in over real rows", "no stand-in over real rows"),
    ],
)
def test_rules_of_the_gate_name_their_metric_in_words(rule: str, words: str) -> None:
    assert rule_words(rule) == words


@pytest.mark.parametrize(
    ("method", "says"),
    [
        ("contributions", "The model is linear: the contributions and the average"),
        ("ablation", "These differences do not\nsum to the score"),
    ],
)
def test_a_few_answers_are_explained_with_bars_and_said_to_be_of_made_records(
    material: Material, method: Any, says: str
) -> None:
    base = 0.5 if method == "contributions" else None
    explanation = Explanation(
        method=method, of="logit of Yes", base=base, score=2.0, fields={"age": -1.5, "ward": 3.0}, note=""
    )
    one = ExplainedRecord("Highest probability", {"age": None, "ward": "<north>"}, "Yes", explanation)
    html = report(replace(material, explained=(one,)))
    text = Page(html).text
    for words in (
        "made from the contract; none is about a person",
        says,
        "Highest probability: Yes",
        "<north>",
    ):
        assert words in text
    assert "(missing)" in text
    assert ("0.5 on average" in text) is (method == "contributions")
    assert text.index("+3") < text.index("-1.5")
    assert 'style="margin-left:25.00%;width:25.00%"' in html
