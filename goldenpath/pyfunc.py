"""The MLflow flavour of a version: `mlflow.pyfunc.load_model` calls `_load_pyfunc` with the version's folder.

The files are verified and the golden records asked again, as a server does it. Nothing is unpickled.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenpath.errors import BadInput
from goldenpath.predict import Predictor, load_predictor

if TYPE_CHECKING:
    import pandas as pd


class LoadedVersion:
    "A version that answers frames."

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def predict(
        self,
        frame: "pd.DataFrame",  # (n, fields of the contract)
        params: dict[str, Any] | None = None,  # MLflow hands them over; there are none
    ) -> "pd.DataFrame":  # (n, parts of an answer), with the frame's index
        "Answer n records. Raises BadInput if one of them breaks the contract."
        contract = self.predictor.contract
        checked = contract.check(frame, target=False)
        if len(checked.rejected):
            first = checked.rejected.iloc[0]
            rows = checked.rejected["row"].nunique()
            raise BadInput(
                f"{rows} of {len(frame)} rows break the contract, the first in {first['column']}: "
                f"it {first['reason']}"
            )
        return self.predictor.many(contract.columns(checked.clean)).set_index(checked.clean.index)


def _load_pyfunc(path: str) -> LoadedVersion:
    return LoadedVersion(load_predictor(Path(path)))
