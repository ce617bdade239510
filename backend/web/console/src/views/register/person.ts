import type { DocumentKind, Sex, TemporaryReason } from '../../model'
import { calendarDate } from '../../parts/times'

/** A person as they are written down at the desk; empty text is what nobody has said. */
export interface PersonInput {
  document_kind: DocumentKind
  document_no: string
  name: string
  sex: Sex | ''
  birth_date: string
  phone: string
  temporary_reason: TemporaryReason | ''
}

export const blankPerson = (): PersonInput => ({
  document_kind: 'national_id',
  document_no: '',
  name: '',
  sex: '',
  birth_date: '',
  phone: '',
  temporary_reason: '',
})

/** Numbers of these documents say the birth date and the sex themselves. */
export const saysWho = (kind: DocumentKind): boolean => kind === 'national_id' || kind === 'household_book'

/** What was said beside document and name. */
export function saidOf(input: PersonInput): { sex?: Sex; birth_date?: string; phone?: string } {
  const said: { sex?: Sex; birth_date?: string; phone?: string } = {}
  if (input.sex !== '') said.sex = input.sex
  const born = calendarDate(input.birth_date)
  if (born !== null) said.birth_date = born
  if (input.phone.trim() !== '') said.phone = input.phone.trim()
  return said
}
