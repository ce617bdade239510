"""Refusals of the ledger."""

from hospital_core.kernel.constraints import means
from hospital_core.kernel.errors import DomainError, Kind


class AlreadyJournalled(DomainError):
    """This source was journalled before under this kind; the journal that stands is the right one."""

    code = "ledger.already_journalled"
    kind = Kind.CONFLICT
    title = "该笔业务已记账，请勿重复操作"


means("journal_once_per_source", AlreadyJournalled)
