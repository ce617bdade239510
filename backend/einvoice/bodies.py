"""What calls carry and answers mean (报文内容): the platform's names for our things. Source: EB-01, EB-03, EB-06.

No identity number, phone number or openid goes out: the platform needs none of them to issue.
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from backend.settings import EInvoiceSettings
from hospital_core.finance.einvoicing.ports import (
    EInvoiceOrder,
    IssuedThere,
    OrderLine,
    PaperNumber,
    PaperOrder,
    PlatformDocument,
    PlatformTotal,
    ReversalOrder,
)
from hospital_core.finance.einvoicing.states import EInvoiceKind
from hospital_core.kernel.money import fen_from_yuan, yuan_text
from hospital_core.registry.catalogue.states import FeeCategory

SHANGHAI = timezone(timedelta(hours=8))

METHODS: Mapping[EInvoiceKind, str] = {
    EInvoiceKind.REGISTRATION: "invEBillRegistration",
    EInvoiceKind.OUTPATIENT: "invoiceEBillOutpatient",
    EInvoiceKind.INPATIENT: "invEBillHospitalized",
    EInvoiceKind.CHECK_UP: "invEBillCheckUp",
}
BUS_TYPES: Mapping[EInvoiceKind, str] = {
    EInvoiceKind.INPATIENT: "01",
    EInvoiceKind.OUTPATIENT: "02",
    EInvoiceKind.CHECK_UP: "03",
    EInvoiceKind.REGISTRATION: "06",
}
# med_chrgitm_type of the national insurance, which the platform's fee items follow. Source: YB-11.
CATEGORIES: Mapping[FeeCategory, tuple[str, str]] = {
    FeeCategory.BED: ("01", "床位费"),
    FeeCategory.CONSULTATION: ("02", "诊察费"),
    FeeCategory.EXAMINATION: ("03", "检查费"),
    FeeCategory.LABORATORY: ("04", "化验费"),
    FeeCategory.TREATMENT: ("05", "治疗费"),
    FeeCategory.SURGERY: ("06", "手术费"),
    FeeCategory.NURSING: ("07", "护理费"),
    FeeCategory.MATERIAL: ("08", "卫生材料费"),
    FeeCategory.WESTERN_DRUG: ("09", "西药费"),
    FeeCategory.HERBAL_DRUG: ("10", "中药饮片费"),
    FeeCategory.PATENT_DRUG: ("11", "中成药费"),
    FeeCategory.GENERAL_CARE: ("12", "一般诊疗费"),
    FeeCategory.REGISTRATION: ("13", "挂号费"),
    FeeCategory.OTHER: ("14", "其他费用"),
}
_QR_BYTES_MAX = 100_000
_BATCH_MAX, _NUMBER_MAX, _BUS_NO_MAX, _FEN_MAX = 50, 20, 60, 10**14


def moment(at: datetime) -> str:
    """``yyyyMMddHHmmssSSS`` of the hospital's clock."""
    return at.astimezone(SHANGHAI).strftime("%Y%m%d%H%M%S") + f"{at.microsecond // 1000:03d}"


def moment_of(text: str) -> datetime:
    """The moment that the platform wrote. Raises ValueError."""
    seconds = datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=SHANGHAI)
    return (seconds + timedelta(milliseconds=int(text[14:17] or 0))).astimezone(UTC)


def day_span(day: date) -> dict[str, str]:
    """``busBgnDate`` and ``busEndDate`` of a whole day."""
    return {"busBgnDate": f"{day:%Y%m%d}000000000", "busEndDate": f"{day:%Y%m%d}235959999"}


def order_body(settings: EInvoiceSettings, order: EInvoiceOrder) -> dict[str, Any]:
    """What ``invEBill…`` takes."""
    return {
        "busType": BUS_TYPES[order.kind],
        "busNo": order.bus_no,
        "payer": order.payer,
        "busDateTime": moment(order.bus_at),
        "placeCode": settings.place_code,
        "payee": settings.payee,
        "author": settings.author,
        "totalAmt": yuan_text(order.amount_fen),
        "patientNo": order.patient_no,
        "medCareInstitution": settings.institution_code,
        "balancedNumber": order.insurance_reference or "",
        "fundAmt": yuan_text(order.insurance_fen),
        "ownPay": yuan_text(order.amount_fen - order.insurance_fen),
        "chargeDetail": _by_category(order),
        "listDetail": [_line(number, line) for number, line in enumerate(order.lines, 1)],
    }


def _by_category(order: EInvoiceOrder) -> list[dict[str, Any]]:
    sums: dict[FeeCategory, int] = {}
    for line in order.lines:
        sums[line.category] = sums.get(line.category, 0) + line.amount_fen
    return [
        {
            "sortNo": number, "chargeCode": CATEGORIES[category][0], "chargeName": CATEGORIES[category][1],
            "unit": "项", "std": yuan_text(fen), "number": 1, "amt": yuan_text(fen),
        }
        for number, (category, fen) in enumerate(sorted(sums.items(), key=lambda one: CATEGORIES[one[0]][0]), 1)
    ]  # fmt: skip


def _line(number: int, line: OrderLine) -> dict[str, Any]:
    code, name = CATEGORIES[line.category]
    return {
        "listDetailNo": str(number), "chargeCode": code, "chargeName": name, "code": line.code, "name": line.name,
        "unit": line.unit, "std": f"{line.unit_price:f}", "number": f"{line.quantity:f}",
        "amt": yuan_text(line.amount_fen), "sortNo": number,
    }  # fmt: skip


def reversal_body(settings: EInvoiceSettings, order: ReversalOrder) -> dict[str, Any]:
    """What ``writeOffEBill`` takes."""
    return {
        "billBatchCode": order.batch_code,
        "billNo": order.bill_no,
        "reason": order.reason,
        "operator": settings.author,
        "busDateTime": moment(order.bus_at),
        "placeCode": settings.place_code,
    }


def print_body(settings: EInvoiceSettings, order: PaperOrder) -> dict[str, Any]:
    """What ``turnPaper`` takes."""
    return {
        "billBatchCode": order.batch_code,
        "billNo": order.bill_no,
        "pBillBatchCode": order.paper.batch_code,
        "pBillNo": order.paper.paper_no,
        "operator": settings.author,
        "busDateTime": moment(order.bus_at),
        "placeCode": settings.place_code,
    }


def void_body(settings: EInvoiceSettings, paper: PaperNumber, reason: str, bus_at: datetime) -> dict[str, Any]:
    """What ``invalidPaper`` takes."""
    return {
        "pBillBatchCode": paper.batch_code,
        "pBillNo": paper.paper_no,
        "reason": reason,
        "author": settings.author,
        "busDateTime": moment(bus_at),
        "placeCode": settings.place_code,
    }


def paper(message: Mapping[str, Any]) -> PaperNumber | None:
    """The living paper copy that ``getEBillStatesByBillInfo`` tells. Raises KeyError, ValueError."""
    if str(message["isPrintPaper"]) != "1":
        return None
    return PaperNumber(_said(message["pBillBatchCode"], _BATCH_MAX), _said(message["pBillNo"], _NUMBER_MAX))


def issued(message: Mapping[str, Any], prefix: str = "") -> IssuedThere:
    """A number in an answer; ``prefix`` ``eScarlet``: the red one. Raises KeyError, ValueError, TypeError."""
    names = ("eScarletBillBatchCode", "eScarletBillNo", "eScarletRandom") if prefix else (
        "billBatchCode", "billNo", "random",
    )  # fmt: skip
    batch_code = _said(message[names[0]], _BATCH_MAX)
    bill_no, check_code = (_said(message[name], _NUMBER_MAX) for name in names[1:])
    amount = message.get("totalAmt")
    return IssuedThere(
        batch_code=batch_code,
        bill_no=bill_no,
        check_code=check_code,
        issued_at=moment_of(str(message["createTime"])),
        amount_fen=None if amount in (None, "") else _fen(amount),
        qr_png=_png(message.get("billQRCode")),
        picture_url=_address(message.get("pictureUrl")),
        picture_net_url=_address(message.get("pictureNetUrl")),
    )


def _said(text: Any, length: int) -> str:
    """A number of the platform as it stands in our tables; null, an object or a text without end is none."""
    if isinstance(text, bool) or not isinstance(text, str | int) or not 0 < len(str(text).strip()) <= length:
        raise ValueError("an answer without a number")
    return str(text).strip()


def _fen(yuan: Any) -> int:
    fen = fen_from_yuan(str(yuan))
    if abs(fen) > _FEN_MAX:
        raise ValueError("an amount that nobody pays")
    return fen


def _png(text: Any) -> str | None:
    """Only a picture, and only of a sensible size, is shown to people."""
    if not isinstance(text, str) or not text:
        return None
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    fits = raw.startswith(b"\x89PNG\r\n\x1a\n") and len(raw) <= _QR_BYTES_MAX
    return text if fits else None


def _address(text: Any) -> str | None:
    fits = isinstance(text, str) and text.startswith(("http://", "https://")) and len(text) <= 500
    return text if fits else None


def total(message: Mapping[str, Any]) -> PlatformTotal:
    """What ``checkTotalData`` and ``checkWriteOffData`` answer. Raises KeyError, ValueError."""
    count = int(message["allTotalNum"])
    if not 0 <= count < 10**9:
        raise ValueError("a count that no day has")
    return PlatformTotal(count, _fen(message["allTotalAmt"]))


def document(row: Mapping[str, Any]) -> PlatformDocument:
    """One row of ``getBillByBusDate``. Raises KeyError, ValueError."""
    return PlatformDocument(
        bus_no=_said(row["busNo"], _BUS_NO_MAX), batch_code=_said(row["billBatchCode"], _BATCH_MAX),
        bill_no=_said(row["billNo"], _NUMBER_MAX), amount_fen=_fen(row["totalAmt"]), red=str(row["isScarlet"]) == "1",
    )  # fmt: skip
