"""Which metrics the gate judges, by the settings: apart, because training does not depend on these."""

from collections.abc import Sequence

from goldenpath.errors import BadInput
from goldenpath.evaluation.tasks import TASKS, metrics_of
from goldenpath.schema.targets import TargetSpec
from goldenpath.settings import Settings
from goldenpath.text.spelling import nearest


def judged_metrics(target: TargetSpec, settings: Settings) -> tuple[str, ...]:
    """Return the metrics that the gate judges: those of the settings, else the task's own.

    Raises BadInput for a setting that names none of the task, with the nearest.
    """
    metrics, slices = metrics_of(target), f"slice_{TASKS[target.task].slice_metric}"
    for name in settings.gate_floors.keys() - {slices}:
        require_metric(name, [*metrics, slices], target, "gate_floors")
    for name in settings.gate_metrics:
        require_metric(name, list(metrics), target, "gate_metrics")
        if not metrics[name].higher_is_better:
            raise BadInput(
                f"gate_metrics in settings.ini names '{name}', of which more is not better; "
                "limit it in gate_floors instead"
            )
    return settings.gate_metrics or TASKS[target.task].judged


def require_metric(name: str, metrics: Sequence[str], target: TargetSpec, setting: str) -> None:
    "Check that a setting names a metric of the task. Raises BadInput that names the nearest one."
    if name not in metrics:
        raise BadInput(
            f"{setting} in settings.ini names '{name}', which is not a metric of task {target.task}"
            f"{nearest(name, metrics) or '; they are ' + ', '.join(metrics)}"
        )
