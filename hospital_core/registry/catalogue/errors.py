"""Refusals of the catalogue."""

from dataclasses import dataclass

from hospital_core.kernel.constraints import means
from hospital_core.kernel.errors import DomainError, Kind


class NoPrice(DomainError):
    """The item has no price at the time asked for."""

    code = "catalogue.no_price"
    kind = Kind.CONFLICT
    title = "该收费项目此时没有生效的价格"


class PriceConflict(DomainError):
    """Another price of the item stands in the way, or somebody has just changed it."""

    code = "catalogue.price_conflict"
    kind = Kind.CONFLICT
    title = "该时段已有其他价格，请刷新后再试"


class PastPriceFixed(DomainError):
    """A price that was in force is history and cannot be changed."""

    code = "catalogue.past_price_fixed"
    kind = Kind.CONFLICT
    title = "已生效的历史价格不能修改"


@dataclass(frozen=True)
class BadLine:
    """One line of a file that cannot be taken; ``line`` counts from 1 as editors do."""

    line: int
    problem: str


class ConceptFileRefused(DomainError):
    """A code table has bad lines; nothing of it was taken. Fields: ``lines`` (up to 200), ``bad_lines`` (how many)."""

    code = "catalogue.concept_file_refused"
    kind = Kind.INVALID
    title = "编码文件有误，未导入任何内容"

    def __init__(self, bad: list[BadLine], total: int) -> None:
        self.bad = bad
        first = bad[0]
        super().__init__(
            f"共 {total} 处错误，第 {first.line} 行：{first.problem}",
            bad_lines=total,
            lines=[{"line": item.line, "problem": item.problem} for item in bad],
        )


means("price_one_at_a_time", PriceConflict)
means("price_only_closes", PastPriceFixed)
