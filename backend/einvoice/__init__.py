"""The treasury's e-invoice platform over HTTP (财政电子票据平台): the ``EInvoicePlatform`` port."""

from backend.einvoice.platform import HttpEInvoicePlatform

__all__ = ["HttpEInvoicePlatform"]
