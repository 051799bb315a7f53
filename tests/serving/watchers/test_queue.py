"""Jobs in the background: their faults are said once, and hold nothing that was submitted."""

import pytest

from goldenpath.errors import VolumeFault
from serving.watchers.queue import told_once


def test_a_fault_is_said_once_until_it_changes_or_is_over(caplog: pytest.LogCaptureFixture) -> None:
    faults: list[Exception | None] = [
        VolumeFault("away"),
        VolumeFault("away"),
        VolumeFault("denied"),
        None,
        VolumeFault("denied"),
        ValueError("Zebra-1931"),
    ]

    def job() -> None:
        if fault := faults.pop(0):
            raise fault

    attempt = told_once(job, "roles")
    while faults:
        attempt()
    said = [record.message.removeprefix("roles failed: ") for record in caplog.records]
    assert said == ["away", "denied", "denied", "ValueError"]
