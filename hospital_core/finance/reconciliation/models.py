"""Tables of reconciliation."""

from datetime import date
from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.finance.payments.ports import BillRowKind
from hospital_core.finance.reconciliation.states import (
    DifferenceAbout,
    DifferenceClass,
    DifferenceStatus,
    Disposal,
    ReconciledChannel,
    RunStatus,
)
from hospital_core.kernel.tables import Row, VersionedRow, one_of, refers_to


class ReconciliationRun(VersionedRow):
    """One channel, merchant and day compared (对账单): once, however often it is done again.

    ``load_id`` names the standing lines of its bill, ``digest`` is their SHA-256. ``due_at``: when it is to be done
    (again); ``claimed_until``: a worker is at it. ``trouble`` is why it is still waiting.
    """

    channel = fields.CharField(max_length=20)
    mchid = fields.CharField(max_length=32, default="")
    day: date = fields.DateField()
    status = fields.CharField(max_length=10)
    due_at = fields.DatetimeField(null=True)
    claimed_until = fields.DatetimeField(null=True)
    trouble = fields.CharField(max_length=60, null=True)
    load_id = fields.UUIDField(null=True)
    digest = fields.CharField(max_length=64, null=True)
    line_count = fields.IntField(default=0)
    totals: dict[str, int] = fields.JSONField(default=dict)
    matched_at = fields.DatetimeField(null=True)

    class Meta:
        table = "reconciliation_run"
        indexes = [Index(fields=["day"])]
        constraints = [
            one_of("reconciliation_run", ReconciledChannel, "channel"),
            one_of("reconciliation_run", RunStatus),
            UniqueConstraint(fields=("channel", "mchid", "day"), name="reconciliation_once"),
            CheckConstraint(
                check="(status = 'matched') = (matched_at IS NOT NULL)", name="reconciliation_matched_says_when"
            ),
        ]


class BillLine(Row):
    """A line of a channel's bill as it came (账单明细), kept a hundred days; no payer stands in it.

    Without foreign key: a million lines come and go with their load, and each would be looked up.
    """

    run_id = fields.UUIDField()
    load_id = fields.UUIDField()
    line_no = fields.IntField()
    kind = fields.CharField(max_length=10)
    at = fields.DatetimeField()
    mchid = fields.CharField(max_length=32)
    appid = fields.CharField(max_length=40)
    sub_mchid = fields.CharField(max_length=32, null=True)
    transaction_id = fields.CharField(max_length=64)
    out_trade_no = fields.CharField(max_length=64)
    refund_id = fields.CharField(max_length=64, null=True)
    out_refund_no = fields.CharField(max_length=64, null=True)
    amount_fen: int = fields.BigIntField()
    settled_fen: int = fields.BigIntField()
    fee_millifen: int = fields.BigIntField()
    status = fields.CharField(max_length=20)

    class Meta:
        table = "bill_line"
        indexes = [Index(fields=["load_id", "kind"]), Index(fields=["out_trade_no"]), Index(fields=["out_refund_no"])]
        constraints = [one_of("bill_line", BillRowKind, "kind")]


class ReconciliationDifference(VersionedRow):
    """One difference of a day (对账差异) and what was done about it.

    ``subject`` names what it is about within its kind: our number, or the channel's where we have none.
    Units: fen; a side that knows nothing of it says nothing.
    """

    run_id: UUID
    run = refers_to("ReconciliationRun")
    about = fields.CharField(max_length=10)
    kind = fields.CharField(max_length=30)
    subject = fields.CharField(max_length=64)
    status = fields.CharField(max_length=10)
    channel_fen: int | None = fields.BigIntField(null=True)
    ours_fen: int | None = fields.BigIntField(null=True)
    ledger_fen: int | None = fields.BigIntField(null=True)
    channel_no = fields.CharField(max_length=64, null=True)
    our_no = fields.CharField(max_length=64, null=True)
    intent_id = fields.UUIDField(null=True)
    refund_id = fields.UUIDField(null=True)
    channel_says = fields.CharField(max_length=40, null=True)
    we_say = fields.CharField(max_length=40, null=True)
    happened_at = fields.DatetimeField()
    found_at = fields.DatetimeField()
    closed_at = fields.DatetimeField(null=True)
    disposal = fields.CharField(max_length=30, null=True)
    note = fields.CharField(max_length=200, null=True)
    proposed_by = fields.UUIDField(null=True)
    proposed_at = fields.DatetimeField(null=True)
    decided_by = fields.UUIDField(null=True)
    decided_at = fields.DatetimeField(null=True)
    rejection = fields.CharField(max_length=200, null=True)

    class Meta:
        table = "reconciliation_difference"
        indexes = [Index(fields=["status", "run_id"])]
        constraints = [
            one_of("reconciliation_difference", DifferenceAbout, "about"),
            one_of("reconciliation_difference", DifferenceClass, "kind"),
            one_of("reconciliation_difference", DifferenceStatus),
            one_of("reconciliation_difference", Disposal, "disposal"),
            UniqueConstraint(fields=("run_id", "kind", "subject"), name="difference_once"),
            CheckConstraint(
                check="status NOT IN ('proposed', 'settled') OR (disposal IS NOT NULL AND note IS NOT NULL "
                "AND proposed_by IS NOT NULL AND proposed_at IS NOT NULL)",
                name="difference_proposal_complete",
            ),
            CheckConstraint(
                check="status <> 'settled' OR (decided_by IS NOT NULL AND decided_at IS NOT NULL "
                "AND decided_by <> proposed_by)",
                name="difference_two_persons",
            ),
            CheckConstraint(check="(status = 'closed') = (closed_at IS NOT NULL)", name="difference_closed_says_when"),
        ]


class ChannelSettlement(Row):
    """A channel's money for a day at the bank (渠道到账). It stays; a wrong one is withdrawn, and another one stands.

    Units: fen. ``clearing_fen`` leaves the channel's clearing account, ``bank_fen`` came to the bank's.
    """

    run_id: UUID
    run = refers_to("ReconciliationRun")
    clearing_fen: int = fields.BigIntField()
    fee_fen: int = fields.BigIntField()
    bank_fen: int = fields.BigIntField()
    reference = fields.CharField(max_length=64)
    arrived_on: date = fields.DateField()
    entry_id: UUID
    entry = refers_to("JournalEntry")
    settled_by = fields.UUIDField(null=True)
    settled_at = fields.DatetimeField()
    withdrawn_by = fields.UUIDField(null=True)
    withdrawn_at = fields.DatetimeField(null=True)
    withdrawal = fields.CharField(max_length=100, null=True)

    class Meta:
        table = "channel_settlement"
        constraints = [
            UniqueConstraint(fields=("run_id",), condition="withdrawn_at IS NULL", name="settlement_once"),
            CheckConstraint(check="clearing_fen = bank_fen + fee_fen", name="settlement_adds_up"),
            CheckConstraint(
                check="(withdrawn_at IS NULL) = (withdrawal IS NULL)", name="settlement_withdrawn_says_why"
            ),
        ]
