"""Bodies that callers send to /predict: one that keeps the contract, and every kind that does not."""

from tests.helpers.serving_fixtures import records

RECORD = records(1, 7)[0]
SECRET = "Zebra-1931"  # submitted, so it may stand in no reply and no log

REFUSED: list[tuple[object, int, str]] = [  # body (bytes as they are, all else as JSON), status, words
    (b"not json " + SECRET.encode(), 400, "not JSON"),
    (b"", 400, "not JSON"),
    (b"\xff\xfe", 400, "not JSON"),
    ([RECORD], 400, "one JSON object"),
    ({**RECORD, "sex": SECRET}, 422, "sex must be one of Female, Male"),
    ({**RECORD, "sex": None}, 422, "sex must be one of"),
    ({**RECORD, "sex": 1}, 422, "sex must be one of"),
    ({**RECORD, SECRET: 1}, 422, "a field that the contract does not know"),
    ({key: value for key, value in RECORD.items() if key != "sex"}, 422, "sex is required"),
    ({**RECORD, "sex": SECRET * 100_000}, 422, "sex must be"),
    (b" " * 8_000_001, 413, "too large"),
]
