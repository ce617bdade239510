"""What happened in the catalogue."""

from datetime import datetime
from uuid import UUID

from hospital_core.kernel.events import Event


class PriceChanged(Event):
    """An item costs something else from a time on (调价)."""

    price_item_id: UUID
    valid_from: datetime


class ConceptsReplaced(Event):
    """An edition of a code system was imported (编码更新)."""

    system: str
    edition: str
