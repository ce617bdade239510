"""Queueing (排队叫号)."""
