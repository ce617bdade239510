"""Subscribe messages 订阅消息: value rules, quota, delivery to the person. Rules: reference §4.4."""

from __future__ import annotations

import re
from typing import Any

from sandbox.wechat import push
from sandbox.wechat.config import Template
from sandbox.wechat.errors import MiniError
from sandbox.wechat.state import Message
from sandbox.wechat.world import World

_CLOCK = r"\d{1,2}:\d{2}(:\d{2})?"
_DAY = r"(\d{4}年\d{1,2}月\d{1,2}日|\d{4}[-/]\d{1,2}[-/]\d{1,2})"
# Keyword prefix -> what a value must look like as a whole.
VALUE_RULES: dict[str, re.Pattern[str]] = {
    "thing": re.compile(r".{1,20}"),
    "number": re.compile(r"(?=.{1,32}$)\d+(\.\d+)?"),
    "letter": re.compile(r"[A-Za-z]{1,32}"),
    "symbol": re.compile(r"[^\w\s]{1,5}"),
    "character_string": re.compile(r"[\x21-\x7e]{1,32}"),
    "time": re.compile(rf"({_DAY}\s?)?{_CLOCK}(~({_DAY}\s?)?{_CLOCK})?"),
    "date": re.compile(rf"{_DAY}(\s?{_CLOCK})?(~{_DAY}(\s?{_CLOCK})?)?"),
    "amount": re.compile(r"[¥￥$€£]?\d{1,10}(\.\d{1,2})?元?"),
    "phone_number": re.compile(r"[\d+\-() ]{1,17}"),
    "car_number": re.compile(r".{1,8}"),
    "name": re.compile(r"[一-鿿·*]{1,10}|[A-Za-z .·*]{1,20}"),
    "phrase": re.compile(r"[一-鿿]{1,5}"),
}
_KEYWORD = re.compile(r"([a-z_]+?)\d{1,2}")


def subscribe(world: World, openid: str, template: Template, accept: bool) -> int:
    """The person answers the consent sheet 订阅授权; gives what may now be sent (-1: any number).

    One acceptance of a one-time template allows one message, so consents add up.
    """
    key = f"{openid} {template.template_id}"
    quotas = world.state.quotas
    if template.long_term:
        quotas[key] = -1 if accept else 0
    elif accept:
        quotas[key] = quotas.get(key, 0) + 1
    push.told_of_consent(world, openid, template.template_id, accept)
    return quotas.get(key, 0)


def switch_off(world: World, openid: str, template: Template) -> None:
    """The person turns a template off in the mini program's settings 拒收: nothing may be sent any more."""
    world.state.quotas[f"{openid} {template.template_id}"] = 0
    push.told_of_change(world, openid, template.template_id)


def find_template(world: World, template_id: str) -> Template | None:
    return next((item for item in world.config.templates if item.template_id == template_id), None)


def send(world: World, body: dict[str, Any]) -> None:
    """Deliver one message.

    Raises: MiniError 40003, 40037, 41030, 47003, 43101.
    """
    openid = body.get("touser")
    if not isinstance(openid, str) or openid not in world.state.users:
        raise MiniError(40003, "invalid openid")
    template = find_template(world, str(body.get("template_id", "")))
    if template is None:
        raise MiniError(40037, "invalid template_id")
    page = check_page(world, body.get("page"))
    values = _values(template, body.get("data"))
    key = f"{openid} {template.template_id}"
    left = world.state.quotas.get(key, 0)
    if left == 0:
        raise MiniError(43101, "user refuse to accept the msg")
    if left > 0:
        world.state.quotas[key] = left - 1
    world.state.messages.append(Message(openid, template.template_id, template.title, page, values, world.now()))
    push.told_of_sending(world, openid, template.template_id, len(world.state.messages))


def check_page(world: World, page: Any) -> str:
    """A page of the published mini program; with no list in the configuration every path without leading slash.

    Raises: MiniError 41030.
    """
    if page is None or page == "":
        return ""
    path = page.partition("?")[0] if isinstance(page, str) else "/"
    if path.startswith("/") or (world.config.pages and path not in world.config.pages):
        raise MiniError(41030, "invalid page")
    return str(page)


def _values(template: Template, data: Any) -> dict[str, str]:
    if not isinstance(data, dict) or not data:
        raise MiniError(47003, "argument invalid! data is empty")
    for name in template.fields:
        if name not in data:
            raise MiniError(47003, f"argument invalid! data.{name}.value is empty")
    values: dict[str, str] = {}
    for name, item in data.items():
        value = item.get("value") if isinstance(item, dict) else None
        keyword = _KEYWORD.fullmatch(name)
        rule = VALUE_RULES.get(keyword.group(1)) if keyword else None
        unknown = rule is None or (template.fields and name not in template.fields)
        if unknown or not isinstance(value, str) or rule is None or not rule.fullmatch(value):
            raise MiniError(47003, f"argument invalid! data.{name}.value invalid")
        values[name] = value
    return values
