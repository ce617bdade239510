"""Money (财务): ledger, billing, payments."""
