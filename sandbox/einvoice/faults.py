"""Fault switches 故障开关: kinds, and the rules that are on. ``times`` counts down; −1 stays until removed."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

ISSUING = ("invEBillRegistration", "invoiceEBillOutpatient", "invEBillHospitalized", "invEBillCheckUp")
ASKING = ("getEBillByBusNo", "getEBillStatesByBillInfo", "checkTotalData", "checkWriteOffData", "getBillByBusDate")
PAPER = ("turnPaper", "invalidPaper")
METHODS = (*ISSUING, "writeOffEBill", *PAPER, *ASKING)

KINDS: dict[str, str] = {
    "lost": "已受理但连接断开",
    "no_answer": "已受理但长时间不应答",
    "system_error": "系统异常 S9999（未受理）",
    "system_error_after": "系统异常 S9999（已受理）",
    "refuse": "拒绝：票据余量不足 E3001",
    "down": "平台停机 503",
    "slow": "应答变慢",
    "duplicate": "同一流水号开出两张",
    "wrong_amount": "开票金额多一分",
    "forged": "应答签名错误",
}
SECONDS = {"no_answer": 30.0, "slow": 2.0}


@dataclass
class Rule:
    """One switch that is on. ``target``: a method, ``issue`` for all that issue, or "*"."""

    id: str
    kind: str
    target: str
    times: int
    seconds: float

    def hits(self, kind: str, method: str) -> bool:
        return self.kind == kind and (self.target in ("*", method) or (self.target == "issue" and method in ISSUING))


class Faults:
    """The rules that are on."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def add(self, kind: str, target: str = "*", times: int = -1, seconds: float | None = None) -> Rule:
        """Switch one on. Raises: ValueError."""
        if kind not in KINDS or target not in ("*", "issue", *METHODS) or times < -1 or times == 0:
            raise ValueError("没有这种故障，或对象、次数不对")
        rule = Rule(secrets.token_hex(4), kind, target, times, SECONDS.get(kind, 0.0) if seconds is None else seconds)
        self.rules.append(rule)
        return rule

    def take(self, kind: str, method: str) -> Rule | None:
        """The rule that strikes now, counted down; None when it is off."""
        for rule in self.rules:
            if rule.hits(kind, method):
                if rule.times > 0:
                    rule.times -= 1
                    if rule.times == 0:
                        self.rules.remove(rule)
                return rule
        return None
