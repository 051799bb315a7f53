"""The file of tokens: read again when it changes, emptied, away, damaged; and a server that follows it."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from goldenpath.errors import BadInput
from serving.guards import NO_TOKEN, Tokens, check_tokens
from serving.watchers.queue import with_errors_logged
from tests.helpers.patience import wait_until
from tests.helpers.serving_app import client, settings_of
from tests.helpers.serving_program import running
from tests.serving.test_guards import TOKEN, bearer, token_file


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    "Return the tokens of a file that holds one, read."
    found = Tokens(token_file(tmp_path, TOKEN))
    found.look()
    return found


def test_tokens_are_read_again_when_their_file_changes(tokens: Tokens, tmp_path: Path) -> None:
    assert tokens.knows(f"Bearer {TOKEN}")
    token_file(tmp_path, "a new and longer one")
    tokens.look()
    assert not tokens.knows(f"Bearer {TOKEN}")
    assert tokens.knows("bearer a new and longer one")


def copied(old: Path, new: Path) -> None:
    "Write in place, as `cp -p` does: the inode stays."
    old.write_bytes(new.read_bytes())


@pytest.mark.parametrize("exchange", [copied, lambda old, new: new.replace(old)], ids=["copied", "moved"])
def test_a_file_that_is_exchanged_with_a_kept_time_and_size_is_noticed(
    tokens: Tokens, tmp_path: Path, exchange: Callable[[Path, Path], None]
) -> None:
    file, other = tmp_path / "tokens", tmp_path / "other"
    before = file.stat()
    other.mkdir()
    next_one = TOKEN[::-1]
    exchange(file, token_file(other, next_one))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_mtime_ns, file.stat().st_size) == (before.st_mtime_ns, before.st_size)
    tokens.look()
    assert not tokens.knows(f"Bearer {TOKEN}")
    assert tokens.knows(f"Bearer {next_one}")


def test_a_damaged_token_file_is_refused_and_the_known_tokens_stay(tokens: Tokens, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(TOKEN)
    with pytest.raises(BadInput, match="must hold a SHA-256"):
        tokens.look()
    assert tokens.knows(f"Bearer {TOKEN}")


@pytest.mark.parametrize("rest", ["", "\n", "# nobody\n"])
def test_an_emptied_file_revokes_every_token(
    tokens: Tokens, tmp_path: Path, rest: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "tokens").write_text(rest)
    tokens.look()
    tokens.look()
    assert not tokens.knows(f"Bearer {TOKEN}")
    assert [record.message for record in caplog.records] == [
        f"tokens_file {tmp_path / 'tokens'} was emptied: no token is valid any more"
    ]


def test_a_missing_file_revokes_nothing_and_is_said_once(
    tokens: Tokens, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "tokens").unlink()
    look = with_errors_logged(tokens.look, "tokens")
    for _ in range(3):
        look()
    assert tokens.knows(f"Bearer {TOKEN}")
    [said] = [record.message for record in caplog.records]
    assert "cannot be read" in said
    assert "1 known tokens stay valid" in said


def test_the_hash_of_nothing_is_no_token(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(f"{NO_TOKEN}  -\n")
    with pytest.raises(BadInput, match="SHA-256 of nothing"):
        check_tokens(settings_of(tmp_path, tokens_file=str(tmp_path / "tokens")))
    assert hashlib.sha256(b"").hexdigest() == NO_TOKEN


def test_a_file_that_is_missing_or_empty_at_the_start_is_refused(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, tokens_file=str(tmp_path / "tokens"))
    with pytest.raises(BadInput, match="cannot be read"):
        check_tokens(settings)
    (tmp_path / "tokens").touch()
    with pytest.raises(BadInput, match="holds no SHA-256"):
        check_tokens(settings)


def test_a_worker_that_finds_no_file_starts_and_lets_nobody_in(published: Path, tmp_path: Path) -> None:
    asking = client(published, tokens_file=str(tmp_path / "tokens"))
    assert asking.get("/model", headers=bearer(TOKEN)).status_code == 401
    assert asking.get("/model", headers=bearer("")).status_code == 401
    assert asking.get("/health/live").status_code == 200


def test_a_started_server_reads_new_tokens(published: Path, tmp_path: Path) -> None:
    path = token_file(tmp_path, TOKEN)
    with running(published, tokens_file=path) as program:
        assert program.get("/model", Authorization=f"Bearer {TOKEN}").status == 200
        os.replace(token_file(tmp_path, "the next one"), path)
        wait_until(lambda: program.get("/model", Authorization="Bearer the next one").status == 200)
        assert program.get("/model", Authorization=f"Bearer {TOKEN}").status == 401
