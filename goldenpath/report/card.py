"""MODEL_CARD.md: what a person should know before using a version, from its own records.

The headings follow Mitchell et al., "Model Cards for Model Reporting" (2019), as far as records exist.
"""

from goldenpath.evaluation.gate import Verdict
from goldenpath.evaluation.leaderboard import Leaderboard
from goldenpath.evaluation.record import Evaluation
from goldenpath.evaluation.slices import ENOUGH
from goldenpath.records import Frozen
from goldenpath.registry.manifest import Manifest
from goldenpath.report.render import render
from goldenpath.schema.spec import ContractSpec


class Words(Frozen):
    "Purpose and limits, in the words of the project's own notebook: no record holds them."

    purpose: str = ""
    limits: tuple[str, ...] = ()


def model_card(
    manifest: Manifest,  # `files` may still be empty
    verdict: Verdict,
    evaluation: Evaluation,
    spec: ContractSpec,
    words: Words,
    leaderboard: Leaderboard | None = None,
) -> str:
    "Render the model card as Markdown."
    records = {"manifest": manifest, "verdict": verdict, "evaluation": evaluation, "spec": spec}
    return render("card.md.jinja", **records, words=words, leaderboard=leaderboard, enough=ENOUGH)
