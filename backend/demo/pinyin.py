"""Full pinyin and initials of the demo's words (拼音): the kernel's reading, so that searches find what was seeded."""

from hospital_core.kernel.pinyin import initials_of, pinyin_of


def term_pinyin(text: str) -> tuple[str, str]:
    """Full pinyin and initials (全拼, 简拼) of a term; `头颅CT平扫` → (`tou lu ct ping sao`, `tlctps`)."""
    return pinyin_of(text), initials_of(text)


def person_pinyin(surname: str, given: str) -> tuple[str, str]:
    """Full pinyin and initials of a person's name (姓名拼音); the surname is read as a surname: 单 → shan, 仇 → qiu."""
    name = f"{surname} {given}" if surname.isascii() else surname + given
    return pinyin_of(name, is_person=True), initials_of(name, is_person=True)
