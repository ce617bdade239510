// Shapes of /api/staff/v1 as the server answers them; names are the server's.

export interface Page<T> {
  items: T[]
  next_cursor: string | null
}

export interface Done {
  done: boolean
}

export type Permission =
  | 'queue.read'
  | 'queue.call'
  | 'encounter.conduct'
  | 'patient.search'
  | 'patient.read'
  | 'patient.register'
  | 'patient.merge'
  | 'walk_in.register'
  | 'cash.take'
  | 'schedule.read'
  | 'schedule.manage'
  | 'break_glass.open'
  | 'break_glass.review'
  | 'catalogue.read'
  | 'price.manage'
  | 'organization.manage'
  | 'staff.read'
  | 'staff.manage'
  | 'roles.assign'
  | 'account.disable'
  | 'device.manage'
  | 'parked.release'
  | 'audit.read'

export type StaffRole =
  | 'doctor'
  | 'nurse'
  | 'registrar'
  | 'cashier'
  | 'pharmacist'
  | 'technician'
  | 'manager'
  | 'system_admin'
  | 'security_admin'
  | 'audit_admin'

export interface SessionAnswer {
  signed_in: boolean
  staff: { id: string; name: string; title: string; department_id: string; department: string } | null
  roles: StaffRole[]
  permissions: Permission[]
  csrf_token: string | null
}

// The queue

export type TicketStatus = 'waiting' | 'called' | 'serving' | 'passed' | 'finished' | 'cancelled'
export type Priority = 'normal' | 'elderly' | 'soldier' | 'emergency'
export type Sex = 'male' | 'female' | 'unknown'

export interface Room {
  room_id: string
  room: string
  area_id: string
  area: string
  department_id: string
  department: string
  staff_id: string
  doctor: string
  schedule_id: string
  starts_at: string
  ends_at: string
}

export interface QueueRow {
  ticket_id: string
  appointment_id: string | null
  encounter_id: string
  display_no: string
  patient_id: string
  name: string
  sex: Sex
  age: string
  status: TicketStatus
  priority: Priority
  starts_at: string | null
  order_at: string
  call_count: number
  room: string | null
}

export interface DoctorQueue {
  waiting: QueueRow[]
  called: QueueRow[]
  serving: QueueRow[]
  passed: QueueRow[]
  finished_today: QueueRow[]
}

export interface Called {
  ticket: { id: string; display_no: string; name: string; status: TicketStatus; room: string | null } | null
}

// Patients

export type DocumentKind =
  | 'national_id'
  | 'household_book'
  | 'passport'
  | 'hk_macao_permit'
  | 'taiwan_permit'
  | 'foreigner_residence'
  | 'birth_certificate'
  | 'none_yet'
export type TemporaryReason = 'newborn' | 'unconscious' | 'foreigner' | 'other'

export interface Allergy {
  id: string
  substance: string
  severity: 'mild' | 'moderate' | 'severe'
  reaction: string
  status: 'active' | 'inactive' | 'entered-in-error'
  recorded_at: string
}

export interface Patient {
  id: string
  patient_no: string
  name: string
  sex: Sex
  birth_date: string | null
  age: string
  document_kind: DocumentKind | null
  document_masked: string
  phone_masked: string
  temporary: boolean
  temporary_reason: TemporaryReason | null
  merged_into: string | null
  possible_duplicates: number
  identifiers: { id: string; kind: DocumentKind; number_masked: string; status: string }[]
  allergies: Allergy[]
  created_at: string
  version: number
}

export interface RegisterPatient {
  document_kind: DocumentKind
  document_no?: string
  name: string
  sex?: Sex
  birth_date?: string
  phone?: string
  temporary_reason?: TemporaryReason
}

export interface PatientFound {
  patient_id: string
  created: boolean
  name_matches: boolean
}

export interface Merge {
  source_id: string
  survivor_id: string
  undone: boolean
}

export interface BreakGlass {
  id: string
  patient_id: string
  patient_no: string
  patient_name_masked: string
  staff_id: string
  staff_name: string
  reason: string
  opened_at: string
  ends_at: string
  verdict: 'justified' | 'unjustified' | null
}

// The registration window

export interface Schedule {
  schedule_id: string
  department_id: string
  department: string
  staff_id: string
  doctor: string
  title: string
  room: string
  campus: string
  service_kind: 'general' | 'expert' | 'special' | 'disease' | 'night' | 'emergency'
  starts_at: string
  ends_at: string
  fee_fen: number
  places: number
  places_left: number
  status: 'active' | 'stopped'
}

/** What was done to a session, and how its patients stand. */
export interface ClinicChange {
  id: string
  kind: 'stop' | 'substitute'
  schedule_id: string
  department: string
  from_doctor: string
  to_doctor: string | null
  starts_at: string
  ends_at: string
  slot_from: number | null
  slot_to: number | null
  reason: string
  made_at: string
  told: number
  open: number
  moved: number
  kept: number
  refunded: number
}

export interface BookingRule {
  code: string
  label: string
  hint: string
  unit: string
  default: number
  lowest: number
  highest: number
  scopes: ('hospital' | 'department' | 'service_kind')[]
  value: number
  exceptions: {
    scope: 'hospital' | 'department' | 'service_kind'
    scope_key: string
    name: string
    value: number
    changed_at: string
    changed_by: string | null
  }[]
}

export interface WalkInTicket {
  appointment: { id: string; appointment_no: string; fee_fen: number; number: number; campus: string; starts_at: string }
  ticket: {
    id: string
    display_no: string
    priority: Priority
    department: string
    doctor: string | null
    area: string
    room: string
    ahead: number
    checked_in_at: string
    patient_name_masked: string
    barcode: string
  }
  change_fen: number
}

// The house

export type Profession = 'doctor' | 'nurse' | 'pharmacist' | 'technician' | 'administrative'

export interface Staff {
  id: string
  staff_no: string
  name: string
  title: string
  profession: Profession
  department_id: string
  department: string
  specialty: string
  active: boolean
  login: string | null
  roles: StaffRole[]
  account_active: boolean
}

export interface Totp {
  secret: string
  uri: string
}

export interface StaffAccount {
  account_id: string
  staff_id: string
  login: string
  roles: StaffRole[]
  active: boolean
  totp: Totp | null
}

export interface Campus {
  id: string
  code: string
  name: string
}

export type DepartmentKind = 'outpatient' | 'emergency' | 'ward' | 'medical_technology' | 'pharmacy' | 'administration'
export type LocationKind = 'waiting_area' | 'room' | 'window' | 'ward' | 'lobby'

export interface Department {
  id: string
  campus_id: string
  campus: string
  code: string
  name: string
  kind: DepartmentKind
  intro: string
  number_only_on_screen: boolean
  active: boolean
  version: number
}

export interface Place {
  id: string
  campus_id: string
  campus: string
  department_id: string | null
  department: string | null
  parent_id: string | null
  kind: LocationKind
  code: string
  name: string
  floor: string
  beds: number
  active: boolean
  version: number
}

export type DeviceKind = 'kiosk' | 'display' | 'pda'

export interface Device {
  id: string
  kind: DeviceKind
  name: string
  status: 'pending' | 'active' | 'revoked'
  location_id: string | null
  location: string | null
  software: string
  created_at: string
  approved_at: string | null
  last_seen_at: string | null
}

export interface EnrolmentCode {
  enrolment_id: string
  code: string
  expires_at: string
}

export interface PriceItem {
  id: string
  code: string
  name: string
  category: string
  unit: string
  active: boolean
  /** Decimal yuan as text: prices have up to four places. */
  unit_price: string | null
  amount_fen: number | null
  valid_from: string | null
  next_unit_price: string | null
  next_valid_from: string | null
  version: number
}

export interface PricePeriod {
  unit_price: string
  valid_from: string
  valid_until: string | null
}

export interface Concept {
  system: string
  edition: string
  code: string
  name: string
}

export interface AuditLine {
  id: string
  at: string
  actor_kind: string
  actor_id: string | null
  actor_name: string | null
  session_id: string | null
  device_id: string | null
  action: string
  object_kind: string | null
  object_id: string | null
  patient_id: string | null
  patient_name_masked: string | null
  outcome: string
  reason: string | null
  proof: string | null
  detail: Record<string, unknown>
  request_id: string
  sealed: boolean
}

export interface Parked {
  id: string
  event_id: string
  event: string
  handler: string
  attempts: number
  last_error: string | null
  occurred_at: string
  parked_at: string | null
}

/** An account that says it may act for a patient, as the patient is asked about it at the desk. */
export interface LinkedAccount {
  account_id: string
  phone_masked: string | null
  relation: 'self' | 'child' | 'parent' | 'spouse' | 'other'
  linked_at: string
  proven: boolean
}
