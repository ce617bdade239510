// Mirror of kiosk_agent/page_protocol.py: agent ↔ page. A test compares the closed lists.

export type Stage =
  | 'starting'
  | 'unregistered'
  | 'pending'
  | 'paused'
  | 'home'
  | 'busy'
  | 'appointments'
  | 'paying'
  | 'accounts'
  | 'proven'
  | 'refused'
  | 'result'
  | 'farewell'

export type PrintState = 'printing' | 'waiting' | 'printed' | 'failed' | 'unknown'

export interface PageDevice {
  kind: 'receipt_printer' | 'id_reader' | 'scanner'
  name: string
  state: string
  detail: string
}

export interface Appointment {
  id: string
  starts_at: string
  department: string
  doctor: string | null
  title: string | null
  room: string | null
  campus: string | null
  number: number | null
  can_check_in: boolean
  blocked_by: string | null
  /** Null from an older hospital. */
  check_in_opens_at: string | null
  /** To be paid first, which can be done here. */
  fee_due_fen: number | null
  ticket: { display_no: string; status: string } | null
}

export interface Account {
  account_id: string
  phone_masked: string | null
  /** What the patient is to the phone's holder. */
  relation: string
  linked_at: string
  proven: boolean
}

export interface Ticket {
  display_no: string
  department: string
  doctor: string | null
  area: string
  room: string | null
  ahead: number
  checked_in_at: string
  patient_name_masked: string
  barcode: string
}

export interface Payment {
  department: string
  amount_fen: number
  /** None once a payment code was scanned: what was shown is withdrawn. */
  picture_svg: string | null
  awaits_phone: boolean
  /** Why the last payment code did not pay. */
  notice: string | null
}

export interface PageState {
  stage: Stage
  visit: number
  hospital_name: string
  device_name: string
  place: string
  is_simulated: boolean
  is_online: boolean
  pause_reason: 'server_unreachable' | 'revoked' | null
  public_key_short: string
  devices: PageDevice[]
  patient_name_masked: string
  appointments: Appointment[]
  payment: Payment | null
  /** What was paid here on this visit. */
  paid_fen: number | null
  accounts: Account[]
  proven_account: Account | null
  refusal: { code: string; title: string; request_id: string | null } | null
  ticket: Ticket | null
  print_state: PrintState | null
  can_reprint: boolean
  card_left: boolean
  seconds_left: number | null
  is_warning: boolean
  can_continue: boolean
  is_identified: boolean
  server_time: string | null
}

export type FromAgent =
  | { v: 1; type: 'state'; seq: number; data: PageState }
  | { v: 1; type: 'reload'; seq: number }

export type ToAgent =
  | { v: 1; type: 'scan'; text: string }
  | { v: 1; type: 'check_in' | 'pay'; appointment_id: string }
  | { v: 1; type: 'prove'; account_id: string }
  | { v: 1; type: 'touch' | 'leave' | 'accounts' | 'back' | 'reprint' | 'slip_taken' | 'ping' }
