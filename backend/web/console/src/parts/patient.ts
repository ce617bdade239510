import { formatDate } from '@hospital/kit'
import type { Allergy, Patient } from '../model'
import { DOCUMENT, SEX } from '../words'

/** Those to be warned of, worst first. */
export function activeAllergies(file: Patient | null | undefined): Allergy[] {
  const rank = { severe: 0, moderate: 1, mild: 2 }
  return (file?.allergies ?? [])
    .filter((allergy) => allergy.status === 'active')
    .sort((left, right) => rank[left.severity] - rank[right.severity])
}

/** What two files are compared by, line for line. */
export const FILE_LINES: readonly { title: string; of: (file: Patient) => string }[] = [
  { title: '病历号', of: (file) => file.patient_no },
  { title: '姓名', of: (file) => file.name },
  { title: '性别', of: (file) => SEX[file.sex] },
  { title: '出生日期', of: (file) => file.birth_date ?? '未登记' },
  { title: '证件', of: documents },
  { title: '电话', of: (file) => file.phone_masked || '未登记' },
  { title: '过敏史', of: (file) => activeAllergies(file).map((allergy) => allergy.substance).join('、') || '无记录' },
  { title: '档案', of: (file) => (file.temporary ? '临时档案' : '正式档案') },
  { title: '建档日期', of: (file) => formatDate(file.created_at) },
]

function documents(file: Patient): string {
  return file.identifiers.map((one) => `${DOCUMENT[one.kind]} ${one.number_masked}`).join('；') || '暂无证件'
}
