"""Which small changes of a module its tests notice: `make mutants MODULE=goldenpath/registry/roles.py`.

mutmut makes the changes, in a copy of the checkout. Texts alone on their line, such as docstrings and
parts of messages, stay as they are. A change that no test notices is printed: a test is missing, or the
change means nothing.
"""

import hashlib
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import click

from goldenpath.errors import BadInput, GoldenpathError
from goldenpath.measure.environments import isolated_python

PROJECT = Path(__file__).resolve().parent.parent
LOCK = PROJECT / "benchmarks" / "mutants.lock"
SOURCES = ("goldenpath", "serving", "benchmarks")  # packages of the project, importable in the copy
CONFIGURED = ("tests", "pyproject.toml", "setup.cfg")  # what mutmut copies by itself
# A process that has run tests has threads, of ONNX Runtime for one: a fork of it can wait for ever.
ISOLATION = "process_isolation = forkserver\n"
TEXT_ALONE = r'^\s*f?"[^"]*"[,)]*$'
NOTICED = ("killed", "timeout", "segfault", "suspicious", "caught by type check")


def mutmut_python() -> Path:
    "Return the interpreter of an environment with mutmut, made on first use, that sees this one's packages."
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:8]
    python = isolated_python(f"mutmut-{digest}", "--require-hashes", "-r", str(LOCK))
    own = next(python.parent.parent.glob("lib/python*/site-packages"))
    (own / "project.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return python


def copy_of_checkout(folder: Path) -> list[str]:
    "Copy the files that git knows or would add; return the top names."
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    names = [name for name in listed.split("\0") if name and (PROJECT / name).exists()]
    subprocess.run(
        ["tar", "--create", "--null", "--no-recursion", "--files-from=-", f"--file={folder}/all.tar"],
        cwd=PROJECT,
        input="\0".join(names),
        text=True,
        check=True,
    )
    subprocess.run(["tar", "--extract", "--file=all.tar"], cwd=folder, check=True)
    (folder / "all.tar").unlink()
    return sorted({Path(name).parts[0] for name in names})


def configuration(module: str, tests: Iterable[str], names: Iterable[str]) -> str:
    "Return the setup.cfg that mutmut reads."
    lists = {
        "source_paths": SOURCES,
        "only_mutate": [module],
        "also_copy": [name for name in names if name not in {*SOURCES, *CONFIGURED}],
        "do_not_mutate_patterns": [TEXT_ALONE],
        "pytest_add_cli_args_test_selection": tests,
        "pytest_add_cli_args": ["-q", "-m", "not slow"],
    }
    parts = [f"{key} =\n" + "".join(f"    {value}\n" for value in values) for key, values in lists.items()]
    return f"[mutmut]\n{ISOLATION}" + "".join(parts)


def mirror_of(module: str) -> list[str]:
    "Return the test file that mirrors a module, or the folder that mirrors its package. Raises BadInput."
    path = Path(module)
    package = path.parent.relative_to("goldenpath") if path.parts[0] == "goldenpath" else path.parent
    own = Path("tests") / package / f"test_{path.name}"
    if not (PROJECT / own).exists() and own.parent == Path("tests"):
        raise BadInput(f"no test file mirrors {module}; name some, such as TESTS=tests/test_volume.py")
    return [str(own if (PROJECT / own).exists() else own.parent)]


def outcomes(text: str) -> dict[str, str]:
    "Return the outcome by mutant, from what `mutmut results --all true` prints."
    survivors = re.findall(r"(?m)^\s*(\S+__mutmut_\d+): (.+?)\s*$", text)
    return {name: outcome for name, outcome in survivors if outcome != "not checked"}


def summary(results: dict[str, str]) -> str:
    "Return the counts in one line."
    counts = Counter(results.values())
    noticed = sum(counts[name] for name in NOTICED)
    rest = ", ".join(f"{count} {name}" for name, count in counts.most_common() if name not in NOTICED)
    return f"{len(results)} changes, {noticed} noticed" + (f"; {rest}" if rest else "")


def main(args: Iterable[str] | None = None) -> None:
    "Run the command; an error is one line."
    try:
        mutants.main(args=list(args) if args is not None else None, standalone_mode=True)
    except GoldenpathError as fault:
        click.echo(f"error: {fault}", err=True)
        sys.exit(fault.exit_code)


@click.command()
@click.argument("module")
@click.argument("tests", nargs=-1)
@click.option("--only", default="*", help="Only mutants whose name matches, such as '*append*'.")
def mutants(module: str, tests: tuple[str, ...], only: str) -> None:
    "Change MODULE in many small ways and say which changes TESTS (its mirror in tests/) do not notice."
    if not (PROJECT / module).is_file() or Path(module).parts[0] not in SOURCES:
        raise BadInput(f"{module} is not a module of {', '.join(SOURCES)}; give its path from the checkout")
    with tempfile.TemporaryDirectory(prefix="goldenpath-mutants-") as temporary:
        folder = Path(temporary)
        names = copy_of_checkout(folder)
        (folder / "setup.cfg").write_text(configuration(module, tests or mirror_of(module), names))
        _report(folder, only)


def _report(folder: Path, only: str) -> None:
    mutmut = [str(mutmut_python()), "-m", "mutmut"]
    ran = subprocess.run([*mutmut, "run", "--max-children", "1", only], cwd=folder, check=False)
    if ran.returncode:
        raise GoldenpathError(f"mutmut ended early (exit code {ran.returncode}); see its output above")

    def ask(*words: str) -> str:
        return subprocess.run([*mutmut, *words], cwd=folder, capture_output=True, text=True).stdout

    results = outcomes(ask("results", "--all", "true"))
    for name, outcome in results.items():
        if outcome not in NOTICED:
            click.echo(f"\n{outcome}: {name}\n{ask('show', name)}")
    click.echo(summary(results))


if __name__ == "__main__":
    main()
