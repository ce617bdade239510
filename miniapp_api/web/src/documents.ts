// Identity documents, checked while they are typed. The server checks again and has the last word.
import type { components } from '@hospital/kit'
import type { Sex } from './model'

/** Whoever has none registers at the window. */
export type DocumentKind = Exclude<components['schemas']['DocumentKind'], 'none_yet'>

export const DOCUMENT_KINDS: Record<DocumentKind, string> = {
  national_id: '居民身份证',
  household_book: '户口簿',
  hk_macao_permit: '港澳居民来往内地通行证',
  taiwan_permit: '台湾居民来往大陆通行证',
  passport: '护照',
  foreigner_residence: '外国人永久居留身份证',
  birth_certificate: '出生医学证明',
}

const SHAPES: Partial<Record<DocumentKind, [RegExp, string]>> = {
  hk_macao_permit: [/^[HM]\d{8}(\d{2})?$/, '应为 H 或 M 加 8 位数字（可带 2 位换证次数）'],
  taiwan_permit: [/^(\d{8}|\d{10})[A-Z]?$/, '应为 8 位数字（旧版 10 位）'],
  passport: [/^(?=.*\d)[A-Z0-9]{5,15}$/, '应为 5–15 位字母和数字'],
  birth_certificate: [/^[A-Z]\d{9}$/, '应为 1 位字母加 9 位数字'],
}
const OLD_RESIDENCE = /^[A-Z]{3}\d{12}$/

export interface DocumentHint {
  /** Upper case, half width, without blanks and dashes. */
  number: string
  /** What is wrong, null when nothing is (yet). */
  problem: string | null
  isComplete: boolean
  /** What the number itself says of its holder. */
  birthDate: string | null
  sex: Sex | null
}

export function normalNumber(text: string): string {
  return text.normalize('NFKC').replace(/[\s\-()（）·.]+/g, '').toUpperCase()
}

/** `today` as "2026-11-23". */
export function readDocument(kind: DocumentKind, text: string, today: string): DocumentHint {
  const number = normalNumber(text)
  const says = (problem: string | null, isComplete = false): DocumentHint => ({ number, problem, isComplete, birthDate: null, sex: null })
  if (number === '') return says(null)
  if (kind === 'national_id' || kind === 'household_book') return citizenNumber(number, today)
  if (kind === 'foreigner_residence') {
    if (OLD_RESIDENCE.test(number)) return says(null, true)
    if (/^[A-Z]/.test(number)) return says('旧版号码应为 3 位字母加 12 位数字')
    return number.startsWith('9') ? citizenNumber(number, today) : says('应以 9 开头')
  }
  const [shape, words] = SHAPES[kind]!
  return shape.test(number) ? says(null, true) : says(words)
}

const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]

/** GB 11643: the eighteenth character by the first seventeen digits. */
export function checkCharacter(digits: string): string {
  const sum = WEIGHTS.reduce((total, weight, at) => total + weight * Number(digits[at]), 0)
  return '10X98765432'[sum % 11]!
}

function citizenNumber(number: string, today: string): DocumentHint {
  const wrong = (problem: string): DocumentHint => ({ number, problem, isComplete: false, birthDate: null, sex: null })
  if (!/^\d{0,17}$/.test(number) && !/^\d{17}[\dX]$/.test(number)) return wrong('只能是数字，最后一位可以是 X')
  if (number.length < 18) return wrong(`还差 ${18 - number.length} 位`)
  if (checkCharacter(number) !== number[17]) return wrong('校验位不符，请逐位核对')
  const birthDate = `${number.slice(6, 10)}-${number.slice(10, 12)}-${number.slice(12, 14)}`
  if (!isDate(birthDate) || birthDate > today || birthDate < '1880-01-01') return wrong('其中的出生日期有误，请核对')
  return { number, problem: null, isComplete: true, birthDate, sex: Number(number[16]) % 2 === 1 ? 'male' : 'female' }
}

function isDate(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().slice(0, 10) === text
}
