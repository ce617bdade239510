"""Reconciliation (对账): channel bill ↔ payments ↔ ledger, every difference in a closed list of kinds."""
