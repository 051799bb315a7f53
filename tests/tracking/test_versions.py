"""What of a version is a tag in MLflow."""

from goldenpath.tracking.versions import _as_tag


def test_a_file_that_is_too_long_for_a_tag_says_so_in_its_place():
    assert _as_tag(b'{"a": 1}') == '{"a": 1}'
    assert _as_tag(b"x" * 90_000) == "x" * 90_000
    assert _as_tag(b"x" * 90_001) == "90,001 characters, too long for a tag; see the files"
