"""The further settings of the server. Each has a default that suits a laptop and a pod; none need be set."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from goldenpath.records import Frozen
from goldenpath.settings.rules import HttpUrl

Duration = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]
ORIGIN = r"https?://[a-z0-9.:\[\]_-]+"  # as browsers send it: small letters, no path
Origins = Annotated[
    tuple[Annotated[str, Field(pattern=rf"^{ORIGIN}$")], ...],
    BeforeValidator(lambda text: text.replace(",", " ").split() if isinstance(text, str) else text),
]


class ServerSettings(Frozen):
    "What `python -m serving` reads beyond `listen` and `workers`; part of `Settings`."

    version: str = Field("", description="serve this version alone; empty: by roles")
    fast_path: bool = Field(True, description="yes or no: use the compiled model where it is proven")
    trial_seconds: int = Field(
        60,
        ge=0,
        le=3600,
        description="seconds in which a new version must load in a process of its own; 0: off",
    )
    memo: int = Field(0, ge=0, le=10_000_000, description="answers remembered per worker; 0: off")
    max_body: int = Field(8_000_000, ge=1_000, description="largest request body, in bytes")
    max_batch: int = Field(10_000, ge=1, description="most records in one batch")
    max_in_flight: int = Field(64, ge=1, le=1_000, description="requests at once per worker, then 503")
    poll_seconds: Duration = Field(1.0, description="seconds between two looks at the roles; 0: never")
    drain_seconds: Duration = Field(0.0, description="seconds of `not ready` before the server stops")
    grace_seconds: int = Field(10, ge=1, description="seconds that running requests get to finish")
    shadow_queue: int = Field(1_000, ge=0, description="records waiting for the shadow; 0: no shadow")
    lane: bool = Field(True, description="yes or no: answer a plain POST /predict in front of Flask")
    page: bool = Field(True, description="yes or no: the page at /")
    docs: bool = Field(True, description="yes or no: /openapi.json and /docs")
    metrics: bool = Field(True, description="yes or no: /metrics and the live figures of the page")
    open_inference: bool = Field(True, description="yes or no: the Open Inference Protocol below /v2")
    log_sample: Annotated[float, Field(ge=0, le=1)] = Field(
        1.0, description="share of good requests that get a log line, 0 to 1; errors always get one"
    )
    feedback: Literal["off", "counts", "scores", "records"] = Field(
        "counts",
        description="what is kept of requests: off, counts (no value of any record), scores (each answer), "
        "records (what was asked as well)",
    )
    feedback_days: int = Field(90, ge=1, le=36_500, description="days for which feedback is kept")
    feedback_mb: int = Field(1_000, ge=1, description="megabytes of feedback; the oldest answers go first")
    outcomes: bool = Field(False, description="yes or no: POST /outcomes takes in what came of answers")
    tokens_file: str = Field("", description="file with the SHA-256 of a bearer token per line; empty: open")
    behind_login: bool = Field(False, description="yes or no: something in front of the server authenticates")
    cors_origins: Origins = Field(
        (),
        description="origins whose pages may call, such as https://portal.example.org, by comma; empty: none",
    )
    backend: Literal["local", "v2"] = Field("local", description="local, or v2: the model answers elsewhere")
    backend_url: HttpUrl = Field(
        "", description="address of the v2 model, such as http://mlserver:8080", validate_default=True
    )
    backend_timeout: Duration = Field(2.0, description="seconds until a call of the backend is given up")
    backend_retries: int = Field(1, ge=0, le=10, description="further tries after a failed call")

    @field_validator("backend_url")
    @classmethod
    def _needed_by_the_backend(cls, url: str, info: ValidationInfo) -> str:
        if info.data.get("backend") == "v2" and not url:
            raise ValueError("backend = v2 needs it")
        return url


def allowed(field: FieldInfo) -> str:
    "Describe the values of a key: its description, and its bounds unless they are in it."
    words = field.description or ""
    if re.search(r"\d to \d|at least", words):
        return words
    limits = (("ge", "at least"), ("le", "at most"))
    bounds = [
        f"{word} {getattr(constraint, name)}"
        for constraint in field.metadata
        for name, word in limits
        if hasattr(constraint, name)
    ]
    return f"{words} ({', '.join(bounds)})" if bounds else words
