"""The first pod of a pipeline that was exported with --git: one commit becomes the snapshot on the volume.

Its source is in the exported pipeline, so it needs the standard library alone, and git.
"""

import os
import subprocess
import sys
from pathlib import Path

# git asks this program for name and password, so they are on no command line
ANSWER = '!f() { echo "username=$GIT_USERNAME"; echo "password=$GIT_PASSWORD"; }; f'


def fetch_commit(url: str, commit: str, folder: Path) -> None:
    "Check out one commit, without history, into a new folder. Raises CalledProcessError, OSError."
    folder.mkdir()
    access = ["-c", f"credential.helper={ANSWER}"] if os.environ.get("GIT_PASSWORD") else []
    git = ["git", "-C", str(folder), *access]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "fetch", "--quiet", "--depth", "1", url, commit], check=True)
    subprocess.run([*git, "checkout", "--quiet", "--detach", commit], check=True)


if __name__ == "__main__":
    code, digest, git_url, git_commit, project, pipeline = sys.argv[1:]
    if (Path(code) / digest).is_dir():
        sys.exit()  # an earlier run brought it
    try:
        fetch_commit(git_url, git_commit, Path("repository"))
    except (OSError, subprocess.CalledProcessError) as fault:
        sys.exit(f"commit {git_commit} of {git_url} cannot be fetched ({fault}); git's reason is above")
    os.chdir(Path("repository") / project)
    module = "goldenpath.cluster.kubeflow.snapshot"
    os.execv(sys.executable, [sys.executable, "-m", module, pipeline, code, digest])
