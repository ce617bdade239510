"""Encounters (就诊)."""
