"""Tables of the ledger. Append-only; a deferred trigger refuses a journal that does not sum to zero."""

from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from hospital_core.finance.ledger.states import JournalKind, LedgerAccount
from hospital_core.kernel.tables import Row, one_of, refers_to


class JournalEntry(Row):
    """One balanced journal (凭证); a source is journalled once per kind."""

    kind = fields.CharField(max_length=20)
    source_kind = fields.CharField(max_length=30)
    source_id = fields.UUIDField()
    at = fields.DatetimeField()

    class Meta:
        table = "journal_entry"
        constraints = [
            one_of("journal_entry", JournalKind, "kind"),
            UniqueConstraint(fields=("kind", "source_kind", "source_id"), name="journal_once_per_source"),
        ]


class JournalLine(Row):
    """One side of a journal (分录): debit positive, credit negative, whole fen."""

    entry_id: UUID
    entry = refers_to("JournalEntry")
    account = fields.CharField(max_length=30)
    amount_fen: int = fields.BigIntField()
    patient_id = fields.UUIDField(null=True)

    class Meta:
        table = "journal_line"
        indexes = [Index(fields=["entry_id"]), Index(fields=["account"])]
        constraints = [
            one_of("journal_line", LedgerAccount, "account"),
            CheckConstraint(check="amount_fen <> 0", name="journal_line_moves_money"),
        ]
