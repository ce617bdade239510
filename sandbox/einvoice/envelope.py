"""The platform's side of the envelope 报文封装, written from its documents and not shared with the client."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

SUCCESS = "S0000"


class Refusal(Exception):
    """A call that is answered with a code."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code)
        self.code, self.text = code, text


@dataclass(frozen=True)
class Account:
    """Who may call 应用账号."""

    appid: str
    key: str

    def sign(self, data: str, noise: str, version: str = "1.0") -> str:
        text = f"appid={self.appid}&data={data}&noise={noise}&key={self.key}&version={version}"
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()

    def open(self, envelope: Any) -> tuple[dict[str, Any], str]:
        """The body and the noise of a call. Raises: Refusal."""
        names = ("appid", "data", "noise", "version", "sign")
        if not isinstance(envelope, dict) or not all(isinstance(envelope.get(name), str) for name in names):
            raise Refusal("E1001", "报文缺少必填项")
        if envelope["appid"] != self.appid:
            raise Refusal("E1002", "应用账号不存在")
        if envelope["sign"] != self.sign(envelope["data"], envelope["noise"], envelope["version"]):
            raise Refusal("E1003", "验签失败")
        try:
            body = json.loads(base64.b64decode(envelope["data"], validate=True))
        except ValueError:
            raise Refusal("E1004", "data 不是 BASE64 编码的 JSON") from None
        if not isinstance(body, dict):
            raise Refusal("E1004", "data 不是对象")
        return body, envelope["noise"]

    def answer(self, noise: str, result: str, message: Any, *, forged: bool = False) -> dict[str, str]:
        """A signed answer; the message goes in base64, an object as JSON."""
        text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
        inner = {"result": result, "message": base64.b64encode(text.encode()).decode()}
        data = base64.b64encode(json.dumps(inner).encode()).decode()
        sign = self.sign(data, noise)
        return {"data": data, "noise": noise, "sign": sign[::-1] if forged else sign}
