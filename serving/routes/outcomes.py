"""The route that takes in what came of answers; there only with `outcomes = yes`."""

import logging
from typing import Any

from flask import Blueprint, Response
from werkzeug.exceptions import ServiceUnavailable

from goldenpath.errors import VolumeFault
from goldenpath.feedback.outcomes import LONGEST_ID
from goldenpath.schema.contract import Contract
from serving.http import JsonReply, Operation, described, json_body, reply
from serving.state import state

outcome_routes = Blueprint("outcomes", __name__)
_log = logging.getLogger(__name__)


class OutcomesTakenReply(JsonReply):
    "How many outcomes were taken in; they are on the volume by then."

    taken: int


@outcome_routes.post("/outcomes", endpoint="take")
@described(Operation(OutcomesTakenReply, body="Outcomes", refusals=(400, 413, 415, 422)))
def post_outcomes() -> Response:
    "Take in what came of answers: all outcomes of a list, or none of them."
    intake = state().outcomes
    assert intake is not None, "the route is there with `outcomes = yes` only"
    try:
        return reply(OutcomesTakenReply(taken=intake.take(json_body())))
    except VolumeFault as fault:
        _log.error("outcomes cannot be stored: %s", fault)
        raise ServiceUnavailable("outcomes cannot be stored now; send them again later") from None


def outcome_schema(contract: Contract) -> dict[str, Any]:
    "Describe one outcome of a request."
    fields = contract.record.model_json_schema(by_alias=True)["properties"]
    key = {"key": fields[contract.spec.key]} if contract.spec.key else {}
    moment = {"type": "string", "description": "a day or a time in ISO 8601; without a zone in UTC"}
    target = contract.target
    allowed = {"enum": [*target.outcomes, *target.unknown_outcomes, None]}
    outcome: dict[str, Any] = allowed if target.outcomes else {"type": ["number", "null"]}
    id_or_key = [{"required": ["id"]}, *([{"required": ["key"]}] if key else [])]
    name = {"type": "string", "minLength": 1, "maxLength": LONGEST_ID}
    return {
        "type": "object",
        "properties": {"id": name, **key, "time": moment, "outcome": outcome, "known": moment},
        "required": ["outcome"],
        "anyOf": id_or_key,
        "additionalProperties": False,
    }
