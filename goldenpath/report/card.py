"""MODEL_CARD.md: what a person should know before using a version, from its own records.

The headings follow Mitchell et al., "Model Cards for Model Reporting" (2019), as far as records exist.
"""

from goldenpath.evaluation.gate import Verdict
from goldenpath.evaluation.leaderboard import Leaderboard
from goldenpath.evaluation.record import Evaluation
from goldenpath.evaluation.slices import ENOUGH
from goldenpath.evaluation.tasks import EVERY_METRIC
from goldenpath.feedback.profile import Profile
from goldenpath.records import Frozen
from goldenpath.registry.manifest import Manifest
from goldenpath.report.leaderboard_plot import plot_leaderboard
from goldenpath.report.plots import png_of
from goldenpath.report.render import render
from goldenpath.schema.spec import ContractSpec

LEADERBOARD_PLOT = "leaderboard.png"  # beside the card, in the version


class Words(Frozen):
    "Purpose and limits, in the words of the project's own notebook: no record holds them."

    purpose: str = ""
    limits: tuple[str, ...] = ()


def card_files(
    manifest: Manifest,  # `files` may still be empty
    verdict: Verdict,
    evaluation: Evaluation,
    spec: ContractSpec,
    words: Words,
    leaderboard: Leaderboard | None = None,
    profile: Profile | None = None,
) -> dict[str, bytes]:
    "Render the model card as Markdown, with the plot of the candidates that it shows; content by file name."
    plot = (
        {LEADERBOARD_PLOT: png_of(plot_leaderboard(leaderboard))} if leaderboard and leaderboard.timed else {}
    )
    records = {"manifest": manifest, "verdict": verdict, "evaluation": evaluation, "spec": spec}
    pictures = {"leaderboard": leaderboard, "plot": next(iter(plot), "")}
    card = render("card.md.jinja", **records, **pictures, words=words, enough=ENOUGH, chance=chance(profile))
    return {"MODEL_CARD.md": card.encode(), **plot}


def chance(profile: Profile | None) -> dict[str, list[float]]:  # by metric, in the order of the sizes
    "Return the limit of each metric in windows of each size; empty without a profile."
    sizes = list(profile.spread.values()) if profile else []
    names = [name for name in sizes[0] if name in EVERY_METRIC] if sizes else []
    return {
        name: [figures[name].limit for figures in sizes] for name in names if all(name in s for s in sizes)
    }
