"""The one error family: each message names the problem, the value and the fix, in one line."""

import re

# An address: scheme, login, place, and a query of names and values, which may be a signature. A `?` alone is
# left, because it stands for one letter in a glob.
ADDRESS = re.compile(
    r"""\b([a-z][a-z0-9+.-]*://)([^/\s'"?\#]*@)?([^\s'"?\#]*)(\?[^\s'"=]*=[^\s'"]*?(?=[;:,.)]*(?:[\s'"]|$)))?""",
    re.IGNORECASE,
)


def without_credentials(text: str) -> str:
    "Return a text whose addresses hold no user, no password and no query, as they may be written down."
    return ADDRESS.sub(r"\1\3", text)


class GoldenpathError(Exception):
    "Something went wrong that one line can explain; `exit_code` is what the command line ends with."

    exit_code = 1

    def __init__(self, *parts: object) -> None:
        super().__init__(*(without_credentials(part) if isinstance(part, str) else part for part in parts))


class BadInput(GoldenpathError):
    "What a user gave cannot be used: a setting, a file, a parameter, a record."

    exit_code = 2


class GateRefused(GoldenpathError):
    "The candidate did not pass the evaluation gate."

    exit_code = 3


class MonitorAlarm(GoldenpathError):
    "A served version needs a person: it is worth less than promised, or its input is broken."

    exit_code = 4


class NotDue(GoldenpathError):
    "A retraining that looks first has nothing to train for, or trained a short while ago."

    exit_code = 5


class NotTrusted(GoldenpathError):
    "An artifact is not what its manifest says, or holds a type that is not allowed."


class Incomplete(NotTrusted):
    "A file of an artifact is missing, or another mount of the volume does not show it yet."


class RaceLost(GoldenpathError):
    "Another process was first: the name is taken, or the entry that the change was made from is stale."


class VolumeFault(GoldenpathError):
    "The volume cannot be read or written: full, read-only, denied, gone."


class ImageRegistryFault(GoldenpathError):
    "A container registry cannot be reached, or answers with an error."


class DamagedEntry(VolumeFault):
    "An entry of the role log that no reader can use."


class NoModel(GoldenpathError):
    "Nothing is published yet, or no version has the requested role."


class WorkersLost(GoldenpathError):
    "A part of the work could not be done: the processes that tried were killed, or their machines went."
