"""The registry: published versions, and which of them is used for what."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from goldenpath.errors import BadInput, DamagedEntry, GateRefused, NoModel, NotTrusted, RaceLost
from goldenpath.registry.roles import ROLES, Role, RoleLog, Roles, assigned, vacated
from goldenpath.registry.signing import Keys, key_id
from goldenpath.registry.versions import Versions
from goldenpath.settings.table import Settings
from goldenpath.volume import patiently

__all__ = ["Keys", "Registry", "Role", "Roles", "open_registry"]


class Registry(Versions):
    "The versions of one model under `<home>/models/<model>/`, and who of them is champion."

    def __init__(self, home: Path, model: str, keys: Keys | None = None) -> None:
        super().__init__(home, model, keys)
        self.log = RoleLog(self.root / "roles")

    def roles(self) -> Roles:
        "Return the current assignment. Raises VolumeFault."
        return self.log.current()

    def resolve(self, name: str) -> str:
        "Return the version that a role or version name means. Raises NoModel, BadInput if withdrawn."
        roles = self.roles()
        version = roles.holder(name) if name in ROLES else name
        if version is None:
            raise NoModel(
                f"no version of {self.model} is {name}; `goldenpath models promote VERSION` makes one"
            )
        if version in roles.withdrawn:
            raise BadInput(
                f"version {version} was withdrawn; see `goldenpath models history`, choose another one"
            )
        if name in ROLES:  # another mount may show the role before the version
            patiently(lambda: self.expect(version), on=(NoModel,))
        self.expect(version)
        return version

    def assign(
        self,
        change: Callable[[Roles], Roles],  # the assignment in force, and what is to follow it
        *,
        why: str,
        who: str,
        made_from: int | None = None,  # the entry that the decision was made from; None: the newest
    ) -> Roles:
        """Append an entry. Raises RaceLost where the roles were changed since `made_from`, VolumeFault.

        Raises NoModel where a version was deleted while it was given a role; the entry is written then.
        """
        base = self.roles() if made_from is None else self._unchanged_since(made_from)
        entry = self.log.append(change(base), why=why, who=who, made_from=base.number)
        for version in entry.in_use:  # some may have been moved aside while they were promoted
            with contextlib.suppress(NotTrusted):  # every copy is damaged
                self.restore(version)
        for version in set(entry.in_use).difference(base.in_use):
            self.expect(version)
        return entry

    def _unchanged_since(self, number: int) -> Roles:
        newest = self.roles()
        if newest.number != number:
            raise RaceLost(
                f"{newest.who} changed the roles since entry {number} ({newest.why}, entry {newest.number}); "
                "look at `goldenpath models history`, then decide again"
            )
        return newest

    def promote(
        self,
        version: str,
        role: Role = "champion",
        share: float = 0.0,  # of the requests, for a challenger
        *,
        why: str,
        who: str,
        made_from: int | None = None,
        leave_no_champion: bool = False,
    ) -> Roles:
        """Give a version that verifies a role; it leaves any other.

        The champion gets another role only with `leave_no_champion`: servers would have no model.
        Raises NoModel, NotTrusted, BadInput, GateRefused, RaceLost, VolumeFault.
        """
        if not 0 <= share <= 1:
            raise BadInput(f"share {share} is not within 0 and 1; a challenger gets e.g. 0.1 of the requests")
        self.verify(version)

        def change(roles: Roles) -> Roles:
            self._check_promotion(version, role, roles)
            if role != "champion" and roles.champion == version and not leave_no_champion:
                raise BadInput(
                    f"{version} is the champion, and as {role} it would leave {self.model} without one; "
                    "promote another version first, or add --leave-no-champion"
                )
            return assigned(roles, version, role, share)

        return self.assign(change, why=why, who=who, made_from=made_from)

    def _check_promotion(self, version: str, role: Role, roles: Roles) -> None:
        if version in roles.withdrawn:
            raise BadInput(
                f"version {version} was withdrawn; choose another one from `goldenpath models list`"
            )
        stand_in = self.manifest(version).synthetic
        if role == "champion" and stand_in and roles.champion and not self.manifest(roles.champion).synthetic:
            raise GateRefused(
                f"{version} was trained on synthetic stand-in rows and cannot replace {roles.champion}, "
                "which was trained on real rows; train on real rows"
            )

    def withdraw(self, version: str, *, why: str, who: str, made_from: int | None = None) -> Roles:
        "Prevent a version from being loaded; it leaves every role. Raises NoModel, RaceLost, VolumeFault."
        self.expect(version)

        def change(roles: Roles) -> Roles:
            freed = vacated(roles, version)
            return freed.model_copy(update={"withdrawn": tuple(sorted({*roles.withdrawn, version}))})

        return self.assign(change, why=why, who=who, made_from=made_from)

    def rollback(self, number: int | None = None, *, why: str, who: str) -> Roles:
        """Assign the roles as entry `number` did, by a new entry; what was withdrawn since stays withdrawn.

        Without a number: the newest entry with another champion, all of whose versions may still be loaded.
        Raises BadInput, NoModel if that entry cannot be used, RaceLost, VolumeFault.
        """
        now = self.roles()
        past = self._usable_before(now) if number is None else self._usable_entry(number, now)

        def change(roles: Roles) -> Roles:
            return past.model_copy(update={"withdrawn": roles.withdrawn})

        return self.assign(change, why=why, who=who, made_from=now.number)

    def _usable_entry(self, number: int, now: Roles) -> Roles:
        if not 1 <= number <= now.number:
            raise BadInput(f"there is no entry {number}; `goldenpath models history` shows 1 to {now.number}")
        past = self.log.read(number)
        for version in past.in_use:
            if version in now.withdrawn:
                raise BadInput(f"entry {number} names {version}, which was withdrawn; choose another entry")
            self.verify(version)
        return past

    def _usable_before(self, now: Roles) -> Roles:
        for number in range(now.number - 1, 0, -1):
            try:
                past = self.log.read(number)
            except DamagedEntry:
                continue
            gone = any(v in now.withdrawn or not self.exists(v) for v in past.in_use)
            if past.champion and past.champion != now.champion and not gone:
                return self._usable_entry(number, now)
        raise NoModel(f"{self.model} has no earlier champion; run `goldenpath models promote VERSION`")

    def sign_unverified(self, version: str, key: Path, *, why: str, who: str) -> Path:
        """Sign an intact version that no known key vouches for, after a note in the history says so.

        Raises NoModel, NotTrusted where it is not intact, BadInput, RaceLost, VolumeFault.
        """
        manifest = self._intact(version)
        note = f"{version} signed unverified, with key {key_id(key)}: {why}"
        self.assign(lambda roles: roles, why=note, who=who)
        return self._sign(manifest, key)

    def set_aside(self, version: str) -> None:
        "Take a version without a role out of the list, as gc does. Raises NoModel, BadInput, VolumeFault."
        self.expect(version)
        if version in self.roles().in_use:
            raise BadInput(f"version {version} has a role; `goldenpath models withdraw {version}` first")
        self._move_aside(version)
        if version in self.roles().in_use:  # promoted while it was moved
            self.restore(version)


def open_registry(settings: Settings) -> Registry:
    "Return the registry that the settings name, with the reader's own keys."

    def file(name: str) -> Path | None:
        return settings.folder / Path(name).expanduser() if name else None

    keys = Keys(
        sign_with=file(settings.signing_key),
        verify_with=file(settings.verify_key),
        required=settings.require_signature,
    )
    return Registry(settings.home_folder(), settings.model, keys)
