"""Closed lists of the catalogue."""

from enum import StrEnum


class FeeCategory(StrEnum):
    """The fourteen categories of medical fees on a receipt (收费类别). Source: 医疗收费电子票据 EB-06 chargeDetail."""

    REGISTRATION = "registration"  # 挂号费
    CONSULTATION = "consultation"  # 诊察费
    GENERAL_CARE = "general_care"  # 一般诊疗费
    EXAMINATION = "examination"  # 检查费
    LABORATORY = "laboratory"  # 化验费
    TREATMENT = "treatment"  # 治疗费
    SURGERY = "surgery"  # 手术费
    NURSING = "nursing"  # 护理费
    BED = "bed"  # 床位费
    MATERIAL = "material"  # 卫生材料费
    WESTERN_DRUG = "western_drug"  # 西药费
    PATENT_DRUG = "patent_drug"  # 中成药费
    HERBAL_DRUG = "herbal_drug"  # 中药饮片费
    OTHER = "other"  # 其他费用
