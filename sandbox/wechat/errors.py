"""What the platform answers when it refuses, in its three dialects."""

from __future__ import annotations

from typing import Any


class PayError(Exception):
    """WeChat Pay v3 refusal 支付接口错误: an HTTP status and `{"code", "message", "detail"?}`."""

    def __init__(self, status: int, code: str, message: str, detail: dict[str, Any] | None = None) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail


class MiniError(Exception):
    """Mini program refusal 小程序接口错误: HTTP 200 with `{"errcode", "errmsg"}`."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(f"{errcode} {errmsg}")
        self.errcode = errcode
        self.errmsg = errmsg


class SheetError(Exception):
    """The pay sheet or the control API says no 操作失败: a short code and a Chinese sentence for the person."""

    def __init__(self, code: str, message: str, status: int = 409) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
