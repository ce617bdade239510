"""States of e-invoices."""

from enum import StrEnum

from hospital_core.kernel.states import Machine, Move


class EInvoiceKind(StrEnum):
    """What a bill is for (票据业务类型); the platform has one call for each. Source: EB-01."""

    REGISTRATION = "registration"  # 挂号
    OUTPATIENT = "outpatient"  # 门诊
    INPATIENT = "inpatient"  # 住院
    CHECK_UP = "check_up"  # 体检


class EInvoiceStatus(StrEnum):
    """Life of one e-invoice (电子票据状态): ``failed`` and ``reversal-failed`` wait for a person."""

    REQUESTED = "requested"
    ISSUED = "issued"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REVERSING = "reversing"
    REVERSED = "reversed"
    REVERSAL_FAILED = "reversal-failed"

    @property
    def is_under_way(self) -> bool:
        """Whether the ladder asks the platform by itself."""
        return self in (EInvoiceStatus.REQUESTED, EInvoiceStatus.REVERSING)


class PaperStatus(StrEnum):
    """Life of one numbered blank that was used (纸质票据状态): ``failed`` and ``void-failed`` wait for a person."""

    REQUESTED = "requested"  # 换开中
    PRINTED = "printed"  # 已换开
    REFUSED = "refused"  # the platform did nothing: the blank is the next one again
    FAILED = "failed"  # no answer: the blank may have been used
    VOIDING = "voiding"
    VOID = "void"  # 收回作废, 空白作废
    VOID_FAILED = "void-failed"

    @property
    def is_under_way(self) -> bool:
        """Whether the ladder asks the platform by itself."""
        return self in (PaperStatus.REQUESTED, PaperStatus.VOIDING)


class DifferenceKind(StrEnum):
    """What a daily check found (核对差异), a closed list."""

    MISSING_THERE = "missing_there"  # we hold a number that the platform does not know
    MISSING_HERE = "missing_here"  # the platform issued what we do not hold
    AMOUNT_DIFFERS = "amount_differs"
    NOT_ISSUED = "not_issued"  # a paid bill without e-invoice
    TOTAL_DIFFERS = "total_differs"  # the platform's own total is not the sum of its list


_S = EInvoiceStatus

E_INVOICE = Machine(
    "e_invoice",
    EInvoiceStatus,
    [
        # A number that turns up after we gave up asking is the patient's number all the same.
        Move("issue", (_S.REQUESTED, _S.FAILED), _S.ISSUED),
        Move("fail", (_S.REQUESTED,), _S.FAILED),
        Move("retry", (_S.FAILED,), _S.REQUESTED),
        # Refused by the platform, and by now about money that went back: another one takes its place.
        Move("cancel", (_S.FAILED,), _S.CANCELLED),
        Move("reverse", (_S.ISSUED,), _S.REVERSING),
        Move("write_off", (_S.REVERSING, _S.REVERSAL_FAILED), _S.REVERSED),
        Move("fail_reversal", (_S.REVERSING,), _S.REVERSAL_FAILED),
        Move("retry_reversal", (_S.REVERSAL_FAILED,), _S.REVERSING),
    ],
)

_P = PaperStatus

PAPER = Machine(
    "paper_copy",
    PaperStatus,
    [
        Move("print", (_P.REQUESTED, _P.FAILED), _P.PRINTED),
        Move("refuse", (_P.REQUESTED,), _P.REFUSED),
        Move("fail", (_P.REQUESTED,), _P.FAILED),
        Move("retry", (_P.FAILED,), _P.REQUESTED),
        Move("take_back", (_P.PRINTED,), _P.VOIDING),
        Move("void", (_P.VOIDING, _P.VOID_FAILED), _P.VOID),
        Move("fail_void", (_P.VOIDING,), _P.VOID_FAILED),
        Move("retry_void", (_P.VOID_FAILED,), _P.VOIDING),
    ],
)
