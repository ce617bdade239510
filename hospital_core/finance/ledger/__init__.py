"""Ledger (总账): journals that balance, append-only."""
