"""What the phone's routes share."""

from backend.http.routing import Audience, Routes
from hospital_core.kernel import ports
from hospital_core.kernel.errors import OutsideUnavailable
from miniapp_api.wechat.adapters import WechatAdapters

routes = Routes("miniapp", "/api/miniapp/v1", Audience.PATIENT)


def wechat() -> WechatAdapters:
    """WeChat, where this hospital has it. Raises OutsideUnavailable."""
    adapters = ports.optional(WechatAdapters)
    if adapters is None:
        raise OutsideUnavailable("本院尚未开通微信服务")
    return adapters
