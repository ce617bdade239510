"""Scheduling (排班与预约)."""
