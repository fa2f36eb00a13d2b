"""Peppol BIS Billing 3 invoices and credit notes (UBL 2.1, EN 16931)."""
