"""Billing (计费): charge items and invoices."""
