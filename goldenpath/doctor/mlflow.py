"""The doctor's look at MLflow: is one named, and does it answer?"""

from collections.abc import Iterator

from goldenpath.doctor.checks import Finding, bad, good
from goldenpath.settings import Settings
from goldenpath.tracking.address import NO_CLIENT, find_mlflow
from goldenpath.tracking.within import call_within


def check_mlflow(settings: Settings) -> Iterator[Finding]:
    "Is MLflow reached, if one is named? Only its own client can tell."
    address = find_mlflow()
    if address is None:
        return
    fault = call_within(settings, "status")
    if not fault:
        yield good("MLflow", f"{address.shown} answers; runs and versions are mirrored there")
    elif fault == NO_CLIENT:
        yield bad(
            "MLflow",
            f"{address.shown} is named, but its client is not installed",
            "pip install -e '.[mlflow]'",
        )
    else:
        yield bad("MLflow", fault, "correct MLFLOW_TRACKING_URI and its credentials, or unset it")
