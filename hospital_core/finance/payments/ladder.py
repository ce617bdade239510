"""When to ask the channel again (查询阶梯): dense at first, thinner later, and once right after the time to pay."""

from datetime import datetime, timedelta

PAYMENT_STEPS_S = (5, 10, 20, 30, 60)
REFUND_STEPS_S = (5, 15, 30, 60, 300, 600, 1800, 3600)
CLOSE_GRACE = timedelta(seconds=5)  # the channel's clock decides about time_expire, not ours
OVERDUE = timedelta(hours=1)
OVERDUE_STEP = timedelta(minutes=10)
# Banks take days; after a week a person looks. Counted in questions: a refund that is sent again has a week again.
REFUND_CHECKS_MAX = len(REFUND_STEPS_S) + 7 * 24


def next_payment_check(now: datetime, pay_until: datetime, step: int) -> datetime:
    """Time of the check number ``step`` of an open intent."""
    if now > pay_until + OVERDUE:
        return now + OVERDUE_STEP
    at = now + timedelta(seconds=PAYMENT_STEPS_S[min(step, len(PAYMENT_STEPS_S) - 1)])
    closing_at = pay_until + CLOSE_GRACE
    return closing_at if now < closing_at < at else at


def next_refund_check(now: datetime, step: int) -> datetime:
    """Time of the check number ``step`` of a refund under way."""
    return now + timedelta(seconds=REFUND_STEPS_S[min(step, len(REFUND_STEPS_S) - 1)])
