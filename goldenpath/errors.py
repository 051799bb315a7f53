"""The one error family: each names the thing, the value and the way out, in one line."""


class GoldenpathError(Exception):
    "Something went wrong that one line can explain; `exit_code` is what the command line ends with."

    exit_code = 1


class BadInput(GoldenpathError):
    "What a user gave cannot be used: a setting, a file, a parameter, a record."

    exit_code = 2


class GateRefused(GoldenpathError):
    "The candidate did not pass the evaluation gate."

    exit_code = 3


class NotTrusted(GoldenpathError):
    "An artifact is not what its manifest says, or holds what nobody may load."


class Incomplete(NotTrusted):
    "A file of an artifact is missing, or another mount of the volume does not show it yet."


class RaceLost(GoldenpathError):
    "Somebody else was first: the name is taken, or the entry that the change was made from is stale."


class VolumeFault(GoldenpathError):
    "The volume cannot be read or written: full, read-only, denied, gone."


class DamagedEntry(VolumeFault):
    "An entry of the role log that no reader can use."


class NoModel(GoldenpathError):
    "Nothing is published yet, or nobody holds the role that was asked for."
