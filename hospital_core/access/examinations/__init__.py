"""Examinations that have places of their own (医技检查预约)."""
