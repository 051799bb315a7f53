"""Write the answer to `/openapi.json` into a file: `python -m serving.describe docs/openapi.json`."""

import json
import logging
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from goldenpath.settings import load_settings
from goldenpath.text.plain import say


def api_description() -> str:
    "Return the description of this project's API, as a server without tokens gives it; it needs no version."
    from serving.routes.docs import description  # here: a contract that cannot be imported is a warning
    from serving.worker import make_app

    with TemporaryDirectory() as home:
        # variables of the person who calls this don't count
        settings = load_settings(environ={"GOLDENPATH_HOME": home, "GOLDENPATH_FEEDBACK": "off"})
        app = make_app(settings.changed(poll_seconds=0, tokens_file="", outcomes=False), lambda: False)
        with app.test_request_context():
            return json.dumps(description(), indent=1, ensure_ascii=False) + "\n"


def write_description(path: str) -> None:
    "Write the file, or warn in one line: `make export` has to work while a contract is being written."
    logging.disable(logging.WARNING)  # that no version serves
    try:
        Path(path).write_text(api_description(), "utf-8")
    except Exception as fault:
        say(f"warning: {path} stays as it was, because {type(fault).__name__}: {fault}")


if __name__ == "__main__":
    write_description(sys.argv[1])
