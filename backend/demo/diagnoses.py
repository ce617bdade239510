"""Common diagnoses (常见诊断) of the demo, until the hospital imports its own ICD-10 table."""

from __future__ import annotations

from dataclasses import dataclass

from backend.demo.pinyin import term_pinyin
from backend.demo.words import diagnoses as words

# Code rows carry system and edition: these are WHO-style codes with our own wording, not the national edition.
CODE_SYSTEM = "icd10-demo"
CODE_EDITION = "2026"


@dataclass(frozen=True, slots=True)
class DemoDiagnosis:
    """One diagnosis (诊断) with its ICD-10 style code."""

    code: str
    name: str
    name_pinyin: str
    name_initials: str


def make_diagnoses() -> tuple[DemoDiagnosis, ...]:
    """All common diagnoses (常见诊断), about 380, sorted by code."""
    pairs = [line.split(" ", 1) for line in words.DIAGNOSES.splitlines() if line]
    return tuple(DemoDiagnosis(code, name, *term_pinyin(name)) for code, name in pairs)
