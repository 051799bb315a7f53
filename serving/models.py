"""Which versions answer: loaded from the registry by role, replaced while requests go on."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from goldenpath.predict import Predictor
from goldenpath.rails.errors import GoldenpathError, NoModel, NotTrusted, VolumeFault
from goldenpath.rails.registry import Registry, Roles
from serving.memo import Memo

log = logging.getLogger(__name__)
RETRY_SECONDS = 30.0  # until a version that was refused is tried again


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

    def pick(self, key: Callable[[], bytes] = bytes) -> Predictor:
        "The version that answers whoever has this key. Raises NoModel where there is none."
        if self.champion is None:
            raise NoModel("; ".join(self.problems) or "no model is loaded")
        if self.challenger and point(key()) < self.roles.challenger_share:
            return self.challenger
        return self.champion


def point(key: bytes) -> float:  # 0 to below 1, the same for the same key on every worker
    "Where a caller or a record stands, to be compared with the challenger's share."
    return int.from_bytes(blake2b(key, digest_size=7).digest()) / 2**56


class Models:
    "Keeps `live` in step with the role log; only one thread may call `look`."

    def __init__(
        self,
        registry: Registry,
        load: Callable[[str], Predictor],  # verified, proven and warm; raises GoldenpathError
        pinned: str = "",  # the one version to serve, whatever the roles say
    ) -> None:
        self.registry = registry
        self.live = Live()
        self.swapped: Callable[[Live], None] = lambda live: None  # told of every new assignment
        self._load = load
        self._pinned = pinned
        self._refused: dict[str, tuple[float, str]] = {}

    def look(self) -> None:
        "Read the role log once, and load what it asks for; whatever goes wrong, the last good one answers."
        try:
            self._follow(self._roles())
        except GoldenpathError as fault:
            self._complain(str(fault))

    def _roles(self) -> Roles:
        if self._pinned:
            return Roles(number=0, champion=self._pinned)
        roles = self.registry.roles()
        if roles.number < self.live.roles.number:
            folder, seen = self.registry.root / "roles", self.live.roles.number
            raise VolumeFault(f"{folder} shows entry {roles.number} after {seen}; restore it from a backup")
        return roles

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
        for problem in set(problems) - set(self.live.problems):
            log.warning(problem)
        self.live = new
        self.swapped(new)

    def _champion(self, roles: Roles, problems: list[str]) -> Predictor | None:
        "The champion, or else who answered last, or else the last champion in the log that can answer."
        for version in self._line_of(roles):
            if found := self._try(version, problems):
                if version != roles.champion:
                    problems.append(f"{version} answers instead")
                return found
        if not problems:
            way_out = "`goldenpath models promote VERSION` makes one"
            problems.append(f"no version of {self.registry.model} is champion; {way_out}")
        return None

    def _line_of(self, roles: Roles) -> Iterator[str]:
        seen = set(roles.withdrawn)
        answering = self.live.champion.version if self.live.champion else None
        for version in (roles.champion, answering):
            if version and version not in seen:
                seen.add(version)
                yield version
        for entry in reversed([] if self._pinned else self.registry.history()):
            if entry.champion and entry.champion not in seen:
                seen.add(entry.champion)
                yield entry.champion

    def _other(self, version: str | None, problems: list[str]) -> Predictor | None:
        return self._try(version, problems) if version else None

    def _try(self, version: str, problems: list[str]) -> Predictor | None:
        "A version that is loaded already or can be loaded now; otherwise the reason joins the problems."
        for _, held in self.live.holders:
            if held.version == version:
                return held
        when, reason = self._refused.get(version, (0.0, ""))
        if not reason or time.monotonic() - when > RETRY_SECONDS:
            try:
                return self._load(version)
            except GoldenpathError as fault:
                reason = f"{version} cannot answer: {fault}"
                if isinstance(fault, NotTrusted):  # whatever else it was may be over in a moment
                    self._refused[version] = (time.monotonic(), reason)
        problems.append(reason)
        return None

    def _complain(self, problem: str) -> None:
        if problem not in self.live.problems:
            log.warning(problem)
            self.live = replace(self.live, problems=(problem,))
