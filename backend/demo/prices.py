"""The demo price list (收费项目价表) and which registration fee (诊查费) goes with which session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from backend.demo.organization import DepartmentKind, table_rows
from backend.demo.pinyin import term_pinyin
from backend.demo.words import drugs, examinations, prices

PriceCategory = Literal[
    "registration",
    "laboratory",
    "imaging",
    "function_test",
    "nursing",
    "bed",
    "treatment",
    "surgery",
    "material",
    "western_drug",
    "patent_drug",
    "herbal_drug",
]


@dataclass(frozen=True, slots=True)
class DemoPriceItem:
    """One price item (收费项目). `specification` (规格) is empty except for drugs; `price_fen` is per `unit`."""

    code: str
    name: str
    name_pinyin: str
    name_initials: str
    category: PriceCategory
    category_name: str
    specification: str
    unit: str
    price_fen: int
    department_kind: DepartmentKind


# category → code prefix, Chinese name, kind of the department that performs it
CATEGORIES: dict[PriceCategory, tuple[str, str, DepartmentKind]] = {
    "registration": ("GH", "诊查费", "outpatient"),
    "laboratory": ("JY", "检验费", "medical_technology"),
    "imaging": ("YX", "影像检查费", "medical_technology"),
    "function_test": ("GN", "功能检查费", "medical_technology"),
    "nursing": ("HL", "护理费", "ward"),
    "bed": ("CW", "床位费", "ward"),
    "treatment": ("ZL", "治疗费", "outpatient"),
    "surgery": ("SS", "手术费", "medical_technology"),
    "material": ("CL", "材料费", "ward"),
    "western_drug": ("XY", "西药费", "pharmacy"),
    "patent_drug": ("ZC", "中成药费", "pharmacy"),
    "herbal_drug": ("CY", "中草药费", "pharmacy"),
}
_TABLES: dict[PriceCategory, str] = {
    "laboratory": examinations.LABORATORY,
    "imaging": examinations.IMAGING,
    "function_test": examinations.FUNCTION_TEST,
    "nursing": prices.NURSING,
    "bed": prices.BED,
    "treatment": prices.TREATMENT,
    "surgery": prices.SURGERY,
    "material": prices.MATERIAL,
}
_DRUG_KINDS: dict[str, PriceCategory] = {"W": "western_drug", "C": "patent_drug", "H": "herbal_drug"}
EMERGENCY_CARE = ("心肺复苏", "电除颤", "气管插管", "洗胃", "清创缝合", "动物咬伤")

# The title that stands for the clinic which is open all day and has one price for everybody.
ALL_DAY_CLINIC = "便民门诊"


def price_in_fen(yuan: str) -> int:
    """Price in fen (分) of a price in yuan written as text; refuses parts of a fen."""
    fen = Decimal(yuan) * 100
    if fen != fen.to_integral_value():
        raise ValueError(f"{yuan} yuan is not a whole number of fen")
    return int(fen)


def _item(
    category: PriceCategory, position: int, name: str, unit: str, yuan: str, *, specification: str = ""
) -> DemoPriceItem:
    prefix, category_name, kind = CATEGORIES[category]
    if name.startswith(("急诊", *EMERGENCY_CARE)):
        kind = "emergency"
    elif name == "住院诊查费":
        kind = "ward"
    full, initials = term_pinyin(name)
    return DemoPriceItem(
        code=f"{prefix}{position:04d}",
        name=name,
        name_pinyin=full,
        name_initials=initials,
        category=category,
        category_name=category_name,
        specification=specification,
        unit=unit,
        price_fen=price_in_fen(yuan),
        department_kind=kind,
    )


def _drugs() -> Iterator[DemoPriceItem]:
    positions = dict.fromkeys(_DRUG_KINDS.values(), 0)
    for name, specification, unit, yuan, kind in table_rows(drugs.DRUGS):
        category = _DRUG_KINDS[kind]
        positions[category] += 1
        yield _item(category, positions[category], name, unit, yuan, specification=specification)


def make_prices() -> tuple[DemoPriceItem, ...]:
    """The whole price list (价表), ≥ 400 items. Codes follow the place in the word tables: append, never insert."""
    items = [
        _item("registration", position, name, unit, yuan)
        for position, (name, unit, yuan, _, _) in enumerate(table_rows(prices.REGISTRATION), 1)
    ]
    for category, table in _TABLES.items():
        items += [_item(category, number, *row) for number, row in enumerate(table_rows(table), 1)]
    return (*items, *_drugs())


@dataclass(frozen=True, slots=True)
class DemoExamination:
    """A price item that is examined at an appointed time (检查项目)."""

    price_item_code: str
    department_code: str
    lead_minutes: int
    preparation: str


def make_examinations() -> tuple[DemoExamination, ...]:
    """What is booked ahead in the demo, by the names of the price list."""
    codes = {item.name: item.code for item in make_prices() if item.category in ("imaging", "function_test")}
    return tuple(
        DemoExamination(codes[name], department, int(minutes), preparation)
        for name, department, minutes, preparation in table_rows(examinations.APPOINTED)
    )


def registration_codes() -> dict[tuple[str, str], str]:
    """(service kind, doctor's title) → price item code of the registration fee.

    The title of emergencies and evenings is empty; a disease clinic (专病门诊) has its department's code instead.
    """
    return {
        (service_kind, title): f"GH{position:04d}"
        for position, (_, _, _, service_kind, title) in enumerate(table_rows(prices.REGISTRATION), 1)
        if service_kind
    }
