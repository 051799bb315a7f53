"""Parts that a machine may lack: skip with a reason, or fail where GOLDENPATH_TEST_REQUIRE names the part."""

import os

import pytest

KNOWN = {
    "browser",
    "npm",
    "real-data",
    "py312",
    "py314",
    "fuse",
    "s3",
    "skopeo",
    "promtool",
    "docker-registry",
    "history",
}


def needs(
    part: str,  # one of `KNOWN`
    available: bool,
    why: str,  # what is missing and where it comes from
) -> None:
    "Go on where the part is there; otherwise skip, or fail where it was required."
    assert part in KNOWN, f"unknown part {part!r}; known: {sorted(KNOWN)}"
    if available:
        return
    if part in os.environ.get("GOLDENPATH_TEST_REQUIRE", "").replace(",", " ").split():
        pytest.fail(f"GOLDENPATH_TEST_REQUIRE names {part}, but {why}")
    pytest.skip(f"{part}: {why}")
