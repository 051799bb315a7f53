"""Write the answer to `/openapi.json` into a file: `python -m serving.describe docs/openapi.json`."""

import json
import logging
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from goldenpath.settings import load_settings
from serving.routes.docs import description
from serving.worker import make_app


def api_description() -> str:
    "Return the description of this project's API, as a server without tokens gives it; it needs no version."
    with TemporaryDirectory() as home:
        # variables of the person who calls this don't count
        settings = load_settings(environ={"GOLDENPATH_HOME": home, "GOLDENPATH_FEEDBACK": "off"})
        app = make_app(settings.changed(poll_seconds=0, tokens_file="", outcomes=False), lambda: False)
        with app.test_request_context():
            return json.dumps(description(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # that no version serves
    Path(sys.argv[1]).write_text(api_description(), "utf-8")
