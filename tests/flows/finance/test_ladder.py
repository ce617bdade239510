"""When the channel is asked, and that the page about payments draws the machines the code runs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hospital_core.finance.payments.ladder import CLOSE_GRACE, next_payment_check, next_refund_check
from hospital_core.finance.payments.states import PAYMENT_INTENT, REFUND

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
FAR = NOW + timedelta(minutes=15)


def test_given_an_open_intent_then_it_is_asked_for_densely_and_then_each_minute() -> None:
    waits = [(next_payment_check(NOW, FAR, step) - NOW).total_seconds() for step in range(7)]
    assert waits == [5, 10, 20, 30, 60, 60, 60]


def test_given_the_time_to_pay_ends_before_the_next_rung_then_the_check_comes_right_after_it() -> None:
    assert next_payment_check(NOW, NOW + timedelta(seconds=20), 4) == NOW + timedelta(seconds=20) + CLOSE_GRACE
    assert next_payment_check(NOW, NOW - timedelta(seconds=20), 1) == NOW + timedelta(seconds=10)


def test_given_a_channel_silent_for_an_hour_then_it_is_asked_seldom_but_still() -> None:
    assert next_payment_check(NOW, NOW - timedelta(hours=2), 90) == NOW + timedelta(minutes=10)
    assert next_refund_check(NOW, 90) == NOW + timedelta(hours=1)


def test_given_the_page_about_payments_then_its_diagrams_are_the_transition_tables(repository: Path) -> None:
    page = (repository / "docs" / "payments.md").read_text()
    for machine in (PAYMENT_INTENT, REFUND):
        assert f"```mermaid\n{machine.mermaid()}\n```" in page, machine.table
