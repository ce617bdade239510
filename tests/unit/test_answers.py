"""Answers: when a caller has one already, and what time it is."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from backend.http.answers import date_now, is_known

TAG = '"0123456789abcdef"'


@pytest.mark.parametrize(
    ("header", "known"),
    [
        (TAG, True),
        (f"W/{TAG}", True),
        (f'"other", {TAG}', True),
        (f'W/"other",W/{TAG}', True),
        ('"other"', False),
        ("", False),
        (None, False),
    ],
)
def test_given_a_tag_however_it_comes_back_then_it_is_known(header: str | None, known: bool) -> None:
    assert is_known(header, TAG) is known


def test_given_any_moment_then_the_date_is_that_second() -> None:
    assert timedelta(0) <= datetime.now(UTC) - parsedate_to_datetime(date_now()) < timedelta(seconds=2)
