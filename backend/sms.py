"""Text messages (短信): handed over to the hospital's SMS service by one HTTP POST."""

import httpx

from hospital_core.kernel.errors import OutsideUnavailable


class SmsOverHttp:
    """The ``SmsSender`` port: POST ``{"phone", "text"}`` with a bearer token; 2xx means taken over."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def send_proof_code(self, phone: str, code: str, valid_minutes: int) -> None:
        """Hand over one code. Raises OutsideUnavailable; the relay tries again."""
        text = f"【智慧医院】就诊人核验码 {code}，{valid_minutes} 分钟内有效。如非本人操作请忽略，切勿告知他人。"
        try:
            async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
                answer = await client.post(self._url, json={"phone": phone, "text": text}, headers=self._headers)
        except httpx.HTTPError as error:
            raise OutsideUnavailable() from error
        if not answer.is_success:
            raise OutsideUnavailable()
