"""Medical e-invoices on the phone (我的电子票据)."""

from typing import Any

from backend.http.routing import Call, Owner
from hospital_core.finance.einvoicing.queries import my_e_invoice, my_e_invoices
from hospital_core.finance.einvoicing.views import EInvoiceDetail, EInvoiceView
from hospital_core.kernel.commands import Page
from hospital_core.kernel.errors import NotFound
from hospital_core.kernel.reading import Reading
from miniapp_api.routes.base import routes
from miniapp_api.views import CursorQuery


@routes.get("/e-invoices", view=Page[EInvoiceView], query=CursorQuery, owner=Owner.ACCOUNT, etag=True)
async def list_e_invoices(call: Call[Any]) -> Page[EInvoiceView]:
    """E-invoices of everybody the account may act for, newest first (我的电子票据)."""
    return await my_e_invoices(Reading(call.ctx), call.query.cursor)


@routes.get(
    "/e-invoices/{e_invoice_id}", view=EInvoiceDetail, owner=Owner.PATIENT, errors=(NotFound,), etag=True
)  # fmt: skip
async def get_e_invoice(call: Call[Any]) -> EInvoiceDetail:
    """One e-invoice with its check code, QR code and lines (票据详情)."""
    return await my_e_invoice(Reading(call.ctx), call.path["e_invoice_id"])
