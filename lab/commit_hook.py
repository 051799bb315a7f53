"""Git's hook before a commit: run what .pre-commit-config.yaml lists; `--install` makes git call it.

A hook may change files: then the commit stops, so that you can look at the changes and add them. Linked work
trees share the hooks of their main checkout, and the hook is installed there only.
"""

import shlex
import subprocess
import sys
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parent.parent
CONFIG = PROJECT / ".pre-commit-config.yaml"
MARK = "goldenpath: `make` writes this file"
HOOK = f"""#!/bin/sh
# {MARK}; `git commit --no-verify` goes without it
[ ! -x .venv/bin/python ] || exec .venv/bin/python lab/commit_hook.py
"""


def install() -> None:
    "Write the hook, unless git uses another folder for hooks or there is one that is not ours."
    file = PROJECT / ".git" / "hooks" / "pre-commit"
    is_foreign = file.exists() and MARK not in file.read_text("utf-8", "replace")
    if _git("config", "core.hooksPath") or is_foreign or not (PROJECT / ".git").is_dir():
        return
    file.parent.mkdir(exist_ok=True)
    file.write_text(HOOK)
    file.chmod(0o755)


def run() -> int:
    "Run the hooks in their order; return 1 if one fails or changes a file."
    for hook in (
        hook for repo in yaml.safe_load(CONFIG.read_text("utf-8"))["repos"] for hook in repo["hooks"]
    ):
        before = _git("diff")
        done = subprocess.run(shlex.split(hook["entry"]), cwd=PROJECT, capture_output=True, text=True)
        if done.returncode:
            print(f"{hook['name']}:\n{done.stdout}{done.stderr}", file=sys.stderr)
            return 1
        if _git("diff") != before:
            changed = " ".join(_git("diff", "--name-only").split())
            print(f"{hook['name']} changed files; add them and commit again: {changed}", file=sys.stderr)
            return 1
    return 0


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=PROJECT, capture_output=True, text=True).stdout


if __name__ == "__main__":
    if sys.argv[1:] == ["--install"]:
        install()
    else:
        sys.exit(run())
