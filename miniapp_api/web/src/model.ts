// Shapes of /api/miniapp/v1, as generated from the server's route table (`make types`), and the words for its closed lists.
import type { components } from '@hospital/kit'

type Schemas = components['schemas']

/** The server's `Page[...]`, whatever stands in it. */
export type Page<T> = Omit<Schemas['Page_MessageView_'], 'items'> & { items: T[] }

export type Entry = Schemas['Entry']

export type Relation = Schemas['Relation']
export const RELATIONS: Record<Relation, string> = { self: '本人', child: '子女', parent: '父母', spouse: '配偶', other: '其他' }

/** A person who names a sex names one of two; the hospital's files know a third word for "nobody said". */
export type Sex = Exclude<Schemas['Sex'], 'unknown'>
export const SEXES: Record<Sex, string> = { male: '男', female: '女' }

export type NewPatient = Schemas['AddPatient']
export type PatientLink = Schemas['LinkView']

export const SERVICE_KINDS: Record<Schemas['ServiceKind'], string> = {
  general: '普通',
  expert: '专家',
  special: '特需',
  disease: '专病',
  night: '夜诊',
  emergency: '急诊',
  examination: '检查',
  online: '线上复诊',
}
/** "专家门诊", but not everything that can be booked is a clinic. */
export const clinicOf = (kind: Schemas['ServiceKind']): string =>
  kind === 'online' || kind === 'examination' ? SERVICE_KINDS[kind] : `${SERVICE_KINDS[kind]}门诊`
export type Session = Schemas['SessionBrief']
export type Slot = Schemas['SlotView']

export type TicketStatus = Schemas['QueueTicketStatus']
export type BookAppointment = Schemas['BookAppointment']
export type Appointment = Schemas['AppointmentView']

export type PayHow = Schemas['PayHow']
export type PaymentStarted = Schemas['PaymentStarted']

export type Message = Schemas['MessageView']
