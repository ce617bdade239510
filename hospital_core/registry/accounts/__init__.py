"""Accounts (账户与就诊人): WeChat accounts and the patients they may act for."""
