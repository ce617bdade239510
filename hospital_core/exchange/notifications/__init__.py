"""Notifications (消息通知): subscribe messages to patients."""
