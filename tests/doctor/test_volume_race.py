"""`goldenpath doctor --volume`: is this volume one on which a rename has one winner?"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from goldenpath.cli import cli
from goldenpath.cli.doctor import told
from goldenpath.doctor.volume_race import RaceReport, race, race_with
from goldenpath.errors import BadInput, VolumeFault
from tests.helpers.fuse_mount import Mounts
from tests.helpers.patience import LONG


def test_two_processes_race_on_a_local_disk_and_leave_nothing_behind(home: Path) -> None:
    report = race(home, rounds=40)
    assert (report.rounds, report.won_by_both, report.won_by_none, report.exchanged) == (40, 0, 0, 0)
    assert report.together > 0
    assert report.trusted
    assert 0 <= report.seen_p50 <= report.seen_max
    assert report.file_system
    assert os.listdir(home / "races") == []


def test_the_command_says_whether_home_can_be_trusted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLDENPATH_HOME", str(home))
    result = CliRunner().invoke(cli, ["doctor", "--volume"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "this volume can be trusted" in result.output


def test_two_mounts_of_a_network_file_system_race_by_name(mounts: Mounts) -> None:
    home = mounts.first / "race"
    home.mkdir()
    there = str(mounts.seen_on(mounts.second, home))
    words = ["-m", "goldenpath.doctor.volume_race", there, "a-name", "200"]
    with subprocess.Popen([sys.executable, *words]) as other:
        report = race_with(home, "a-name", 200)
        assert other.wait(LONG) == 0
    assert (report.rounds, report.won_by_both, report.won_by_none, report.exchanged) == (200, 0, 0, 0)
    assert report.together > 0
    assert report.trusted
    assert report.file_system.startswith("fuse")


def test_a_volume_on_which_both_win_is_not_trusted() -> None:
    seen = {
        "folder": Path("/v/races/x"),
        "file_system": "odd",
        "rounds": 200,
        "seen_p50": 0.1,
        "clocks_apart": 0,
    }
    both = RaceReport(**seen, together=9, won_by_both=1, won_by_none=0, exchanged=0, seen_max=0.2)
    assert not both.trusted
    assert "put home on another volume" in both.advice[0]
    assert "CANNOT be trusted" in "\n".join(told(both))
    slow = RaceReport(**seen, together=9, won_by_both=0, won_by_none=0, exchanged=0, seen_max=30.0)
    assert slow.trusted
    assert "seen after up to 30.0 s: mount NFS with actimeo=1" in slow.advice[0]
    never_met = RaceReport(**seen, together=0, won_by_both=0, won_by_none=0, exchanged=0, seen_max=0.2)
    assert not never_met.trusted


def test_who_waits_alone_is_told(home: Path) -> None:
    with pytest.raises(VolumeFault, match="no other process came within 0 s; start the other side too"):
        race_with(home, "alone", patience=0.2)
    assert os.listdir(home / "races") == []
    with pytest.raises(BadInput, match=r"name '\.\./x' must be plain"):
        race_with(home, "../x")
