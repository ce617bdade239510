"""Tables of the ledger. Append-only; a deferred trigger refuses a journal that does not sum to zero."""

from datetime import date
from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.finance.ledger.states import JournalKind, LedgerAccount
from hospital_core.kernel.tables import Row, VersionedRow, one_of, refers_to


class JournalEntry(Row):
    """One balanced journal (凭证); a source is journalled once per kind.

    The whole journal belongs to one accounting date, so every day balances; a closed day takes no more.
    """

    accounting_date: date = fields.DateField()
    kind = fields.CharField(max_length=20)
    source_kind = fields.CharField(max_length=30)
    source_id = fields.UUIDField()
    at = fields.DatetimeField()

    class Meta:
        table = "journal_entry"
        indexes = [Index(fields=["accounting_date"])]
        constraints = [
            one_of("journal_entry", JournalKind, "kind"),
            UniqueConstraint(fields=("kind", "source_kind", "source_id"), name="journal_once_per_source"),
        ]


class JournalLine(Row):
    """One side of a journal (分录): debit positive, credit negative, whole fen.

    ``drawer_id`` says which drawer cash went into or came out of.
    """

    entry_id: UUID
    entry = refers_to("JournalEntry")
    account = fields.CharField(max_length=30)
    amount_fen: int = fields.BigIntField()
    patient_id = fields.UUIDField(null=True)
    drawer_id = fields.UUIDField(null=True)

    class Meta:
        table = "journal_line"
        indexes = [Index(fields=["entry_id"]), Index(fields=["account"])]
        constraints = [
            one_of("journal_line", LedgerAccount, "account"),
            CheckConstraint(check="amount_fen <> 0", name="journal_line_moves_money"),
            CheckConstraint(
                check="account <> 'patient_card' OR patient_id IS NOT NULL", name="journal_card_names_patient"
            ),
            CheckConstraint(
                check="(account = 'cash_drawer') = (drawer_id IS NOT NULL)", name="journal_cash_names_drawer"
            ),
        ]


class CardBalance(VersionedRow):
    """What a patient has paid ahead (预存款余额), in fen; equals the patient's card lines of the ledger."""

    patient_id: UUID
    patient = refers_to("Patient")
    balance_fen: int = fields.BigIntField()

    class Meta:
        table = "card_balance"
        constraints = [
            UniqueConstraint(fields=("patient_id",), name="card_balance_once"),
            CheckConstraint(check="balance_fen >= 0", name="card_balance_not_negative"),
        ]


class ClosedDay(Row):
    """An accounting day that is closed (日结): no journal enters it any more; ``totals`` is what was reported."""

    day: date = fields.DateField()
    closed_at = fields.DatetimeField()
    closed_by = fields.UUIDField(null=True)
    totals: dict[str, object] = fields.JSONField()

    class Meta:
        table = "closed_day"
        constraints = [UniqueConstraint(fields=("day",), name="day_closed_once")]
