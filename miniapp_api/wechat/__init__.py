"""WeChat's platform behind our ports (微信平台适配): log-in, phone number, subscribe messages, WeChat Pay v3."""
