"""Payments (支付): intents, channels, refunds."""
