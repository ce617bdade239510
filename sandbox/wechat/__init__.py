"""WeChat platform simulator 微信平台模拟器: log-in, messages, WeChat Pay v3, and the people who use them."""

from sandbox.wechat.keys import WechatSandboxFiles, make_config

__all__ = ["WechatSandboxFiles", "make_config"]
