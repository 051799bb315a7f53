"""One of many writers or readers of a registry, as a program of its own.

`python -m tests.helpers.writers write HOME CANDIDATES UID GID FIRST COUNT` publishes COUNT candidates from
the one named FIRST on, and makes as many role changes;
`python -m tests.helpers.writers read HOME CANDIDATES UID GID STOP`
loads what is listed and champion until there is a file STOP. Each prints one line of JSON in the end.
"""

import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from goldenpath import volume
from goldenpath.errors import NoModel, RaceLost
from goldenpath.registry.artifact import load_pipeline
from goldenpath.registry.registry import Registry

MODEL = "churn"
PATIENCE = 300.0  # seconds that a writer tries one change
LEAST = 11  # looks of a reader, however late it starts


def become(uid: int, gid: int) -> None:
    "Another user of the same group, with a workbench's usual mask."
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    os.umask(0o022)


def rehearse(candidates: Path) -> None:
    "Do everything once, so that all is imported: it may lie where only the first user can look."
    with tempfile.TemporaryDirectory() as folder:
        registry = Registry(Path(folder), MODEL)
        version = registry.publish(candidates / "1")
        promote(registry, version, "nobody")
        load_pipeline(registry.folder(version), registry.verify(version))


def write(home: Path, candidates: Path, first: int, count: int) -> dict[str, Any]:
    "Publish and promote, again and again; how many tries it took."
    registry = Registry(home, MODEL)
    tries = 0
    for number in range(first, first + count):
        tries += promote(registry, registry.publish(candidates / str(number)), f"writer {first}")
    return {"published": count, "promoted": count, "tries": tries}


def promote(registry: Registry, version: str, who: str) -> int:
    "Change the roles from what is in force, until nobody was quicker; how many tries it took."
    until = time.monotonic() + PATIENCE
    tries = 0
    while True:
        tries += 1
        try:
            registry.promote(version, who=who, why="it is newer", made_from=registry.roles().number)
            return tries
        except RaceLost:
            if time.monotonic() > until:
                raise
            time.sleep(random.random() * 0.05)


def read(home: Path, stop: Path) -> dict[str, Any]:
    "Load the champion and the newest versions, and read the roles, without a pause; what was seen."
    seen: dict[str, Any] = {"looks": 0, "backwards": 0, "errors": []}
    registry, newest = Registry(home, MODEL), 0
    while not stop.exists() or seen["looks"] < LEAST:
        try:
            roles = Registry(home, MODEL).roles()
            seen["backwards"] += roles.number < newest
            newest = max(newest, roles.number)
            for version in [*registry.versions()[-3:], *([roles.champion] if roles.champion else [])]:
                load_pipeline(registry.folder(version), registry.verify(version))
                seen["looks"] += 1
        except NoModel as nothing_yet:
            if newest:
                seen["errors"].append(str(nothing_yet))
        except Exception as error:
            seen["errors"].append(f"{type(error).__name__}: {error}")
    return seen


def main(words: list[str]) -> None:
    "Become the user, do the work, say what came of it."
    volume.RENAME_PATIENCE = 60.0  # of a busy machine
    home, candidates = Path(words[1]), Path(words[2])
    rehearse(candidates)
    become(int(words[3]), int(words[4]))
    if words[0] == "write":
        print(json.dumps(write(home, candidates, int(words[5]), int(words[6]))))
    else:
        print(json.dumps(read(home, Path(words[5]))))


if __name__ == "__main__":
    main(sys.argv[1:])
