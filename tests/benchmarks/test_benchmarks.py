"""The measurements run and read what they measure; their full forms are slow."""

import math
from pathlib import Path

import pytest

from benchmarks import load, soak
from benchmarks.soak import Happened, Seen, judge

SAID = """Running 2s test @ http://127.0.0.1:1/predict
  Latency Distribution
     50%  168.00us
     75%    1.02ms
     99%    4.97s 
  8170 requests in 2.00s, 1.43MB read
  Socket errors: connect 0, read 2, write 0, timeout 1
  Non-2xx or 3xx responses: 4
Requests/sec:   4083.84
"""


def test_what_wrk_says_is_read_as_seconds_and_counts() -> None:
    found = load.read(SAID)
    assert found == load.Load(rate=4083.84, p50=168e-6, p99=4.97, failed=7)


def test_a_soak_is_judged_by_failures_delays_and_memory() -> None:
    memory = [(float(second), 100) for second in range(1, 300)]
    told = Happened(changes=[(10.0, "b")], kills=[50.0], memory=memory)
    good = Seen(answers=[(9.0, "a"), (11.5, "a"), (12.5, "b")], failures=[(50.2, "reset")])
    assert judge(0.0, good, told, "w") == []
    late = Seen(answers=[(13.0, "a"), (14.0, "b")], failures=[(80.0, "500")])
    assert [one.split()[0] for one in judge(0.0, late, told, "w")] == ["1", "a"]
    grown = Happened(kills=[], memory=[(when, 100 + round(when)) for when, _ in memory])
    assert "memory grew" in judge(0.0, Seen(), grown, "w")[0]
    assert not math.isnan(soak.memory_of(told, 0.0)[0])


@pytest.mark.slow
def test_a_short_soak_holds(tmp_path: Path) -> None:
    said: list[str] = []
    late = math.inf  # beside other tests
    assert soak.run(tmp_path, 75, said.append, within=late) == [], said
