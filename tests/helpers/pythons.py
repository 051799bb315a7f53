"""Find an interpreter: `python tests/helpers/pythons.py 3.12` prints its path, or exits with 1."""

import shutil
import subprocess
import sys
from pathlib import Path


def find_python(version: str) -> Path | None:
    "Look on the PATH and among pyenv's versions for one that runs and can make a virtual environment."
    on_path = shutil.which(f"python{version}")
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    for candidate in [Path(found) for found in [on_path] if found] + pyenv:
        if subprocess.run([candidate, "-c", "import ensurepip, venv"], capture_output=True).returncode == 0:
            return candidate
    return None


if __name__ == "__main__":
    found = find_python(sys.argv[1])
    print(found or "")
    sys.exit(not found)
