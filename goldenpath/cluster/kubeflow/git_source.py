"""The commit of a project that the first pod of an exported pipeline brings to the volume."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from goldenpath.errors import BadInput

COMMIT = re.compile(r"[0-9a-f]{40}")
_CODE = ("notebooks", "goldenpath", "settings.ini", "pipelines")  # of a project: what pods run of it


@dataclass(frozen=True)
class GitSource:
    "One commit of a repository."

    url: str
    commit: str  # all 40 digits
    folder: str = "."  # of the project in the repository
    secret: str = ""  # a Secret with username and password; empty: the repository asks for none


def git_source(project: Path, url: str, commit: str = "", secret: str = "") -> GitSource:
    """Return the commit to export: the one that is checked out, unless another is named.

    Raises BadInput if the URL holds a password, the project is not a git checkout, or code is not committed.
    """
    if urlsplit(url).password:
        raise BadInput(
            "the URL holds a password, which all who see the pipeline could read; use --git-secret"
        )
    if commit and not COMMIT.fullmatch(commit):
        raise BadInput(
            f"commit '{commit}' is not the 40 digits of a commit, as `git rev-parse HEAD` prints them"
        )
    folder = _git(project, "rev-parse", "--show-prefix").rstrip("/") or "."
    changed = _git(project, "status", "--porcelain", "--", *_CODE).splitlines()
    if changed:
        raise BadInput(
            f"{changed[0][2:].strip()} is not committed, and pods run the commit; commit and push it"
        )
    return GitSource(url, commit or _git(project, "rev-parse", "HEAD"), folder, secret)


def _git(project: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=project, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        raise BadInput(
            f"{project} is not a git checkout; export without --git where the volume is mounted"
        ) from None
    return done.stdout.rstrip("\n")
