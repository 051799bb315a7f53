import pickle

import pytest

from goldenpath.errors import BadInput, GoldenpathError, without_credentials


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://ada:pass@host/a.csv?X-Amz-Signature=a%2Fb&t=1: not there", "https://host/a.csv: not there"),
        (
            "cannot read 'https://host/a.csv?sig=x', url='S3://k:s@host'",
            "cannot read 'https://host/a.csv', url='S3://host'",
        ),
        (
            "open (https://ada@host:8443/a?b=c), then https://host/d?e=f.",
            "open (https://host:8443/a), then https://host/d.",
        ),
        ("mysql://ada:p@ss@host/rows", "mysql://host/rows"),
    ],
)
def test_an_error_shows_no_login_and_no_signature_of_an_address(text: str, shown: str) -> None:
    assert str(BadInput(text)) == shown
    assert without_credentials(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "s3://bucket/part-?.csv matches no file",
        "git@host:ada/project.git",
        "is it a=b? see https://host/x#y",
        "3 @ 5://",
    ],
)
def test_what_is_no_secret_stays_in_an_error(text: str) -> None:
    assert str(BadInput(text)) == text


def test_an_error_comes_back_from_another_process_as_it_was() -> None:
    fault = pickle.loads(pickle.dumps(GoldenpathError("https://ada:pass@host is down")))
    assert (type(fault), str(fault)) == (GoldenpathError, "https://host is down")
