// What the phone's API answers with, and the words for its closed lists.

export interface Page<T> {
  items: T[]
  next_cursor: string | null
}

export interface Entry {
  hospital_name: string
  appid: string
  login_url: string | null
  pay_url: string | null
}

export type Relation = 'self' | 'child' | 'parent' | 'spouse' | 'other'
export const RELATIONS: Record<Relation, string> = { self: '本人', child: '子女', parent: '父母', spouse: '配偶', other: '其他' }

export type Sex = 'male' | 'female'
export const SEXES: Record<Sex, string> = { male: '男', female: '女' }

export interface PatientLink {
  link_id: string
  patient_id: string
  name_masked: string
  relation: Relation
  proven: boolean
  document_masked: string | null
  patient_no: string | null
}

export interface ProofCodeSent {
  sent_to_masked: string
  expires_at: string
}

export interface Department {
  id: string
  name: string
  intro: string
  campus: string
  available_today: number
}

export type ServiceKind = 'general' | 'expert' | 'special' | 'disease' | 'night' | 'emergency'
export const SERVICE_KINDS: Record<ServiceKind, string> = { general: '普通', expert: '专家', special: '特需', disease: '专病', night: '夜', emergency: '急诊' }

export interface Session {
  schedule_id: string
  starts_at: string
  ends_at: string
  service_kind: ServiceKind
  fee_fen: number
  places_left: number
  room: string
}

export interface Doctor {
  staff_id: string
  name: string
  title: string
  specialty: string
  sessions: Session[]
}

export interface Slot {
  slot_id: string
  number: number
  starts_at: string
  free: boolean
}

export type AppointmentStatus =
  | 'pending'
  | 'booked'
  | 'checked-in'
  | 'fulfilled'
  | 'cancelled'
  | 'noshow'
  | 'entered-in-error'
export type PaymentStatus = 'unpaid' | 'paid' | 'refunding' | 'refunded'
export type TicketStatus = 'waiting' | 'called' | 'serving' | 'passed' | 'finished' | 'cancelled'

export interface Appointment {
  id: string
  appointment_no: string
  status: AppointmentStatus
  payment_status: PaymentStatus
  patient_id: string
  patient_name_masked: string
  department: string
  doctor: string
  title: string
  room: string
  campus: string
  starts_at: string
  number: number
  fee_fen: number
  pay_until: string
  created_at: string
  can_cancel: boolean
  can_check_in: boolean
  ticket: { display_no: string; status: TicketStatus } | null
}

export interface PaymentStarted {
  intent_id: string
  amount_fen: number
  pay_until: string
  wechat: WechatPayParameters
}

/** Named by WeChat; all six are signed together. */
export interface WechatPayParameters {
  appId: string
  timeStamp: string
  nonceStr: string
  package: string
  signType: string
  paySign: string
}

export interface QueuePlace {
  ticket_id: string
  status: TicketStatus
  display_no: string
  ahead: number
  room: string | null
  area: string
  topic: string
}

export interface Message {
  id: string
  kind: 'appointment_confirmed' | 'appointment_refunded' | 'ticket_called'
  title: string
  text: string
  appointment_id: string
  created_at: string
  read_at: string | null
}
