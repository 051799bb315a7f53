"""Which versions answer: loaded from the registry by role, replaced without delaying requests."""

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, NamedTuple, TypeAlias

from goldenpath.errors import GoldenpathError, NoModel, NotTrusted
from goldenpath.inference.answers import ClassAnswer, QuantityAnswer
from goldenpath.predict import Answer, Predictor
from goldenpath.registry.registry import Registry, Roles
from goldenpath.registry.roles import RoleLog
from goldenpath.schema.contract import Record

_log = logging.getLogger(__name__)
WAY_OUT = "`goldenpath models promote VERSION`"
RETRY_SECONDS = 30.0  # until a version that was refused is tried again
LONGEST_QUESTION = 4_096  # bytes of a body and characters of a key that are remembered
SLOW_SECONDS = 10.0  # after which a look that has not ended is a problem
SLOW = "a look at the roles takes long: a version loads slowly, or the volume does not answer; changes wait"


AnyAnswer: TypeAlias = Answer | ClassAnswer | QuantityAnswer


class TimedAnswer(NamedTuple):
    "One record, its answer, and what the model took for it."

    record: Record
    answer: AnyAnswer
    seconds: float | None  # None: the answer was remembered
    role: str  # of the version that answered


class Memo(dict[tuple[str, bytes], TimedAnswer]):
    """What was answered, by key and body: exact, as a prediction is a pure function of record and version.

    Finding takes no lock, only keeping does.
    """

    __slots__ = ("_lock", "_order")

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._order: deque[tuple[str, bytes]] = deque()  # a dict takes long to find its own first key

    def keep(self, question: tuple[str, bytes], answer: TimedAnswer, most: int) -> None:
        "Keep one answer, and never more than `most`: the oldest is forgotten first."
        key, body = question
        if len(key) + len(body) > LONGEST_QUESTION:
            return
        with self._lock:
            if question in self:
                return
            if len(self) >= most:
                del self[self._order.popleft()]
            self._order.append(question)
            self[question] = answer._replace(seconds=None)


@dataclass(frozen=True)
class Live:
    "What answers at this moment: replaced as a whole in one assignment, never changed."

    roles: Roles = field(default_factory=lambda: Roles(number=0))
    champion: Predictor | None = None
    challenger: Predictor | None = None
    shadow: Predictor | None = None
    problems: tuple[str, ...] = ("nothing was loaded yet",)
    memo: Memo = field(default_factory=Memo)  # what was answered; gone with this assignment

    @property
    def holders(self) -> list[tuple[str, Predictor]]:
        "Every role that is held, and by whom."
        held = (("champion", self.champion), ("challenger", self.challenger), ("shadow", self.shadow))
        return [(role, predictor) for role, predictor in held if predictor]

    @property
    def assignment(self) -> dict[str, Any]:
        "Which version holds which role, and the challenger's share, as loaded here."
        names: dict[str, str | None] = dict.fromkeys(("champion", "challenger", "shadow"))
        names |= {role: predictor.version for role, predictor in self.holders}
        return {**names, "challenger_share": self.roles.challenger_share if self.challenger else 0.0}

    def role_of(self, predictor: Predictor) -> str:
        "Return the role of a loaded version."
        if predictor is self.champion:  # at once: every request asks
            return "champion"
        return "challenger" if predictor is self.challenger else "shadow"

    def pick(self, key: Callable[[], bytes] = bytes) -> Predictor:
        "Return the version that serves this key. Raises NoModel if there is none."
        if self.champion is None:
            raise NoModel("; ".join(self.problems) or "no model is loaded")
        if self.challenger and point(key()) < self.roles.challenger_share:
            return self.challenger
        return self.champion


def point(key: bytes) -> float:  # 0 to below 1, the same for the same key on every worker
    "Where a caller or a record stands, to be compared with the challenger's share."
    return int.from_bytes(blake2b(key, digest_size=7).digest()) / 2**56


class Models:
    "Keeps `live` in step with the role log; one thread may call `look`, and another one `watch`."

    def __init__(
        self,
        registry: Registry,
        load: Callable[[str], Predictor],  # verified, proven and warm; raises GoldenpathError
        pinned: str = "",  # serve this version alone
    ) -> None:
        self.registry = registry
        self.live = Live()
        self._subscribers: list[Callable[[Live], None]] = []
        self._load = load
        self._pinned = pinned
        self._refused: dict[str, tuple[float, str]] = {}
        self._began: float | None = None  # when the look began that has not ended
        self._assigning = threading.RLock()  # no request takes it

    def subscribe(self, subscriber: Callable[[Live], None]) -> None:
        "Call this with what is live, now and before every new assignment."
        with self._assigning:  # else an assignment that is under way could pass it by
            self._subscribers.append(subscriber)
            subscriber(self.live)

    def look(self) -> None:
        "Read the role log once, and load what it asks for; after an error the last good one serves."
        self._began = time.monotonic()
        try:
            self._follow(self._roles())
        except GoldenpathError as fault:
            self._complain(str(fault))
        finally:
            self._began = None

    def watch(self) -> None:
        "Say that a look takes too long; what is withdrawn meanwhile does not wait for its end."
        began = self._began
        if began is None or time.monotonic() - began < SLOW_SECONDS:
            return
        with self._assigning:
            if self._began and SLOW not in self.live.problems:
                self._assign(replace(self.live, problems=(*self.live.problems, SLOW)))
        if not self._pinned:
            roles = RoleLog(self.registry.log.folder).current()
            with self._assigning:
                self._retire(roles)

    def _retire(self, roles: Roles) -> None:
        live, problems = self.live, list(self.live.problems)

        def kept(held: Predictor | None) -> Predictor | None:
            if held is None or held.version not in roles.withdrawn:
                return held
            problems.append(f"{held.version} was withdrawn")
            return None

        champion, challenger, shadow = map(kept, (live.champion, live.challenger, live.shadow))
        if problems != list(live.problems):
            self._assign(Live(roles, champion, challenger, shadow, tuple(problems)))

    def _roles(self) -> Roles:
        roles = self.registry.roles()
        if not self._pinned:
            return roles
        withdrawn = tuple({self._pinned} & {*roles.withdrawn})
        return Roles(number=0, champion=self._pinned, withdrawn=withdrawn)

    def _follow(self, roles: Roles) -> None:
        if roles == self.live.roles and not self.live.problems:
            return
        problems: list[str] = []
        champion = self._champion(roles, problems)
        challenger = self._other(roles.challenger, problems)
        shadow = self._other(roles.shadow, problems)
        new = Live(roles, champion, challenger, shadow, tuple(problems))
        if replace(new, memo=self.live.memo) == self.live:
            return
        self._assign(new)

    def _assign(self, new: Live) -> None:
        "Make this the assignment that answers, unless the other thread knew a newer one."
        with self._assigning:
            if new.roles.number < self.live.roles.number:
                return
            for problem in set(new.problems) - set(self.live.problems):
                _log.warning(problem)
            for subscriber in self._subscribers:
                subscriber(new)
            self.live = new

    def _champion(self, roles: Roles, problems: list[str]) -> Predictor | None:
        "Return the champion, else the version that served last, else the last champion in the log."
        for version in [self._pinned] if self._pinned else self._line_of(roles):
            if predictor := self._try(version, problems):
                problems += self._but(version, roles)
                return predictor
        if not problems:
            problems.append(
                f"no version of {self.registry.model} is champion {self._where()}; {WAY_OUT} makes one"
            )
        return None

    def _but(self, version: str, roles: Roles) -> list[str]:
        "Explain why this version serves although it is not the champion, and the fix."
        if version in roles.withdrawn:
            return [f"{version} was withdrawn, and answers because it was pinned; pin another one"]
        if version == roles.champion:
            return []
        if roles.champion:
            return [f"{version} answers instead of {roles.champion}"]
        last = next(self._champions(roles), version)
        why = f"{last} was withdrawn" if last in roles.withdrawn else f"{last} has another role"
        return [f"no version is champion since {why}: {version} answers instead; {WAY_OUT} makes one"]

    def _where(self) -> str:
        root = self.registry.root
        return f"in {root}" if root.is_dir() else f"in {root}, which is not there (see the setting `home`)"

    def _line_of(self, roles: Roles) -> Iterator[str]:
        tried = set(roles.withdrawn)
        answering = self.live.champion.version if self.live.champion else None
        for version in itertools.chain((roles.champion, answering), self._champions(roles)):
            if version and version not in tried:
                tried.add(version)
                yield version

    def _champions(self, roles: Roles) -> Iterator[str]:
        "Yield the champions of the log, newest first; an entry is read when it is needed."
        for number in range(roles.number, 0, -1):
            if champion := self.registry.log.read(number).champion:
                yield champion

    def _other(self, version: str | None, problems: list[str]) -> Predictor | None:
        return self._try(version, problems) if version else None

    def _try(self, version: str, problems: list[str]) -> Predictor | None:
        "Return a version that is loaded or can be loaded now; otherwise record the problem."
        for _, held in self.live.holders:
            if held.version == version:
                return held
        when, reason = self._refused.get(version, (0.0, ""))
        if not reason or time.monotonic() - when > RETRY_SECONDS:
            try:
                return self._load(version)
            except GoldenpathError as fault:
                reason = f"{version} cannot answer: {fault}"
                if isinstance(fault, NotTrusted):  # other problems may be over in a moment
                    self._refused[version] = (time.monotonic(), reason)
        problems.append(reason)
        return None

    def _complain(self, problem: str) -> None:
        if problem not in self.live.problems:
            self._assign(replace(self.live, problems=(problem,)))
