"""The commands of examinations (检查预约)."""

from hospital_core.access.examinations.service.book import (
    book_examination,
    cancel_examination,
    join_examination,
    reschedule,
)
from hospital_core.access.examinations.service.doing import begin_examinations, finish_examinations
from hospital_core.access.examinations.service.items import save_examination_item

__all__ = [
    "begin_examinations",
    "book_examination",
    "cancel_examination",
    "finish_examinations",
    "join_examination",
    "reschedule",
    "save_examination_item",
]
