"""Whatever people do in whatever order, the registry does as a simple model in memory does."""

import tempfile
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from goldenpath.errors import BadInput, NoModel, RaceLost
from goldenpath.registry.registry import Registry
from goldenpath.registry.roles import ROLES
from tests.helpers.candidates import make_candidate
from tests.helpers.registries import history_of

BY = {"who": "ada", "why": "a test"}


class RegistryMachine(RuleBasedStateMachine):
    "Two people, each with a registry object of their own, and what both should see."

    numbers = Bundle("numbers")  # candidates, by their number

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.people = [Registry(self.root / "home", "churn") for _ in range(2)]
        self.versions: dict[int, str] = {}  # published, by number, in order of publishing
        self.aside: set[str] = set()
        self.log: list[dict] = []  # every assignment

    def teardown(self) -> None:
        self.folder.cleanup()

    # What should be in force

    def current(self) -> dict:
        nothing = {
            "champion": None,
            "challenger": None,
            "challenger_share": 0.0,
            "shadow": None,
            "withdrawn": (),
        }
        return self.log[-1] if self.log else nothing

    def vacated(self, version: str) -> dict:
        state = dict(self.current())
        for role in ROLES:
            if state[role] == version:
                state[role] = None
                if role == "challenger":
                    state["challenger_share"] = 0.0
        return state

    # What people do

    @rule(target=numbers, number=st.integers(1, 6), who=st.integers(0, 1))
    def publish(self, number: int, who: int) -> int:
        version = self.people[who].publish(make_candidate(self.root / str(number), number))
        self.versions.setdefault(number, version)
        assert version == self.versions[number]
        self.aside.discard(version)
        return number

    @rule(
        number=numbers,
        role=st.sampled_from(ROLES),
        share=st.sampled_from([0.1, 0.5]),
        who=st.integers(0, 1),
        step_down=st.booleans(),
    )
    def promote(self, number: int, role: str, share: float, who: int, step_down: bool) -> None:
        version = self.versions[number]
        asked = partial(self.people[who].promote, version, role, share, leave_no_champion=step_down, **BY)
        if version in self.aside:
            with pytest.raises(NoModel, match="was moved aside"):
                asked()
        elif version in self.current()["withdrawn"]:
            with pytest.raises(BadInput, match="was withdrawn"):
                asked()
        elif role != "champion" and version == self.current()["champion"] and not step_down:
            with pytest.raises(BadInput, match="is the champion"):
                asked()
        else:
            asked()
            state = {**self.vacated(version), role: version}
            self.log.append({**state, "challenger_share": share} if role == "challenger" else state)

    @rule(number=numbers, behind=st.integers(1, 3), who=st.integers(0, 1))
    def promote_from_a_stale_entry(self, number: int, behind: int, who: int) -> None:
        version, stale = self.versions[number], len(self.log) - behind
        if stale >= 0 and version not in self.aside:
            with pytest.raises(RaceLost, match="changed the roles since entry"):
                self.people[who].promote(version, made_from=stale, **BY)

    @rule(number=numbers, who=st.integers(0, 1))
    def withdraw(self, number: int, who: int) -> None:
        version = self.versions[number]
        if version not in self.aside:
            self.people[who].withdraw(version, **BY)
            withdrawn = tuple(sorted({*self.current()["withdrawn"], version}))
            self.log.append({**self.vacated(version), "withdrawn": withdrawn})

    @rule(entry=st.integers(1, 8), who=st.integers(0, 1))
    def roll_back(self, entry: int, who: int) -> None:
        if entry > len(self.log):
            with pytest.raises(BadInput, match=f"there is no entry {entry}"):
                self.people[who].rollback(entry, **BY)
            return
        past = self.log[entry - 1]
        held = {past[role] for role in ROLES} - {None}
        if held & set(self.current()["withdrawn"]) or held & self.aside:
            with pytest.raises((BadInput, NoModel), match=r"was withdrawn|was moved aside"):
                self.people[who].rollback(entry, **BY)
        else:
            self.people[who].rollback(entry, **BY)
            self.log.append({**past, "withdrawn": self.current()["withdrawn"]})

    @rule(who=st.integers(0, 1))
    def roll_back_to_the_champion_before(self, who: int) -> None:
        usable = [state for state in self.log[:-1] if self.could_be_had(state)]
        if not usable:
            with pytest.raises(NoModel, match="no earlier champion"):
                self.people[who].rollback(**BY)
        else:
            self.people[who].rollback(**BY)
            self.log.append({**usable[-1], "withdrawn": self.current()["withdrawn"]})

    def could_be_had(self, state: dict) -> bool:
        held = {state[role] for role in ROLES} - {None}
        other = state["champion"] not in (None, self.current()["champion"])
        return other and not held & (set(self.current()["withdrawn"]) | self.aside)

    @rule(keep=st.integers(0, 3), who=st.integers(0, 1))
    def clean_up(self, keep: int, who: int) -> None:
        from datetime import UTC, datetime, timedelta

        from goldenpath.registry.retention import carry_out, plan_versions

        long_after = datetime.now(UTC) + timedelta(days=1000)
        registry = self.people[who]
        plan = plan_versions(registry, keep, timedelta(days=7), long_after)
        carry_out(registry, plan.model_copy(update={"gone": ()}), long_after)
        in_use = {self.current()[role] for role in ROLES}
        newest = self.listed()[-keep:] if keep else []
        self.aside |= set(self.listed()) - in_use - set(newest)

    @rule(number=numbers, who=st.integers(0, 1))
    def restore(self, number: int, who: int) -> None:
        version = self.versions[number]
        assert self.people[who].restore(version) == (version in self.aside)
        self.aside.discard(version)

    # What must hold all the while

    def listed(self) -> list[str]:
        return sorted(set(self.versions.values()) - self.aside)  # the names' times follow their numbers

    @invariant()
    def both_see_the_same_versions(self) -> None:
        for registry in self.people:
            assert registry.versions() == self.listed()

    @invariant()
    def both_see_the_same_roles(self) -> None:
        for registry in self.people:
            roles = registry.roles().model_dump()
            assert {key: roles[key] for key in self.current()} == self.current()
            assert roles["number"] == len(self.log)

    @invariant()
    def the_log_is_what_happened(self) -> None:
        told = [entry.model_dump() for entry in history_of(self.people[0])]
        assert [
            {key: entry[key] for key in state} for entry, state in zip(told, self.log, strict=True)
        ] == self.log

    @invariant()
    def whatever_has_a_role_can_be_loaded(self) -> None:
        for role in ROLES:
            if held := self.current()[role]:
                assert self.people[1].verify(self.people[1].resolve(role)).version == held


TestRegistry = pytest.mark.filterwarnings("ignore")(RegistryMachine.TestCase)
TestRegistry.settings = settings(
    max_examples=30, stateful_step_count=20, suppress_health_check=list(HealthCheck)
)


@pytest.mark.slow(seconds=30)
class TestRegistryAtLength(RegistryMachine.TestCase):
    settings = settings(max_examples=400, stateful_step_count=40, suppress_health_check=list(HealthCheck))
