import { api } from '../../session'
import type {
  AuditLine,
  BreakGlass,
  Campus,
  Concept,
  Department,
  DepartmentKind,
  Device,
  DeviceKind,
  Done,
  EnrolmentCode,
  LocationKind,
  Page,
  Parked,
  Place,
  PriceItem,
  PricePeriod,
  Profession,
  Staff,
  StaffAccount,
  StaffRole,
  Totp,
} from '../../model'

// Staff

export const staffMembers = (q: string, departmentId: string | null, cursor: string | null, signal?: AbortSignal) =>
  api.request<Page<Staff>>('GET', '/staff', { query: { q, department_id: departmentId || null, cursor }, signal })

export interface HireStaff {
  staff_no: string
  name: string
  title: string
  profession: Profession
  department_id: string
  specialty: string
}

export const hireStaff = (body: HireStaff, idempotencyKey: string) =>
  api.request<Staff>('POST', '/staff', { body, idempotencyKey })

export const openAccount = (staffId: string, body: { login: string; password: string; roles: StaffRole[] }) =>
  api.request<StaffAccount>('POST', `/staff/${staffId}/account`, { body })

export const changeRoles = (staffId: string, roles: StaffRole[], idempotencyKey: string) =>
  api.request<StaffAccount>('POST', `/staff/${staffId}/roles`, { body: { roles }, idempotencyKey })

export const disableAccount = (staffId: string, idempotencyKey: string) =>
  api.request<Done>('POST', `/staff/${staffId}/disable`, { body: {}, idempotencyKey })

export const resetTotp = (staffId: string, idempotencyKey: string) =>
  api.request<Totp>('POST', `/staff/${staffId}/reset-totp`, { body: {}, idempotencyKey })

// Places

export const campuses = (signal?: AbortSignal) => api.request<Page<Campus>>('GET', '/campuses', { signal })

export const departments = (withClosed: boolean, signal?: AbortSignal) =>
  api.request<Page<Department>>('GET', '/departments', { query: { with_closed: withClosed }, signal })

export const places = (withClosed: boolean, signal?: AbortSignal) =>
  api.request<Page<Place>>('GET', '/locations', { query: { with_closed: withClosed }, signal })

export interface SaveDepartment {
  campus_id: string
  code: string
  name: string
  kind: DepartmentKind
  intro: string
  number_only_on_screen: boolean
  active: boolean
  version: number | null
}

export const saveDepartment = (body: SaveDepartment, idempotencyKey: string) =>
  api.request<Department>('POST', '/departments', { body, idempotencyKey })

export interface SavePlace {
  campus_id: string
  department_id: string | null
  parent_id: string | null
  kind: LocationKind
  code: string
  name: string
  floor: string
  beds: number
  active: boolean
  version: number | null
}

export const savePlace = (body: SavePlace, idempotencyKey: string) =>
  api.request<Place>('POST', '/locations', { body, idempotencyKey })

// Devices

export const devices = (signal?: AbortSignal) => api.request<Page<Device>>('GET', '/devices', { signal })

export const makeEnrolment = (body: { kind: DeviceKind; name: string; location_id: string | null }, idempotencyKey: string) =>
  api.request<EnrolmentCode>('POST', '/devices/enrolments', { body, idempotencyKey })

export const pairDevice = (body: { code: string; location_id: string; name: string | null }, idempotencyKey: string) =>
  api.request<Device>('POST', '/devices/pair', { body, idempotencyKey })

export const approveDevice = (deviceId: string, locationId: string | null, idempotencyKey: string) =>
  api.request<Device>('POST', `/devices/${deviceId}/approve`, { body: { location_id: locationId }, idempotencyKey })

export const revokeDevice = (deviceId: string, idempotencyKey: string) =>
  api.request<Done>('POST', `/devices/${deviceId}/revoke`, { body: {}, idempotencyKey })

// Prices and codes

export const priceItems = (q: string, category: string, cursor: string | null, signal?: AbortSignal) =>
  api.request<Page<PriceItem>>('GET', '/price-items', { query: { q, category: category || null, cursor }, signal })

export const priceHistory = (id: string, signal?: AbortSignal) =>
  api.request<Page<PricePeriod>>('GET', `/price-items/${id}/prices`, { signal })

export interface SavePriceItem {
  code: string
  name: string
  category: string
  unit: string
  active: boolean
  unit_price?: string
  valid_from?: string
  version?: number
}

export const savePriceItem = (body: SavePriceItem, idempotencyKey: string) =>
  api.request<PriceItem>('POST', '/price-items', { body, idempotencyKey })

export const changePrice = (id: string, body: { unit_price: string; valid_from?: string }, idempotencyKey: string) =>
  api.request<PriceItem>('POST', `/price-items/${id}/prices`, { body, idempotencyKey })

export const concepts = (system: string, q: string, signal?: AbortSignal) =>
  api.request<Page<Concept>>('GET', '/concepts', { query: { system, q }, signal })

// Oversight

export interface AuditFilter {
  action: string
  patient_id: string
  actor_id: string
  since: string
  until: string
}

export function auditLines(filter: AuditFilter, cursor: string | null, signal?: AbortSignal): Promise<Page<AuditLine>> {
  const given = Object.entries(filter).filter(([, value]) => value !== '')
  return api.request<Page<AuditLine>>('GET', '/audit', { query: { ...Object.fromEntries(given), cursor }, signal })
}

export const parkedEvents = (signal?: AbortSignal) => api.request<Page<Parked>>('GET', '/parked-events', { signal })

export const releaseParked = (id: string, idempotencyKey: string) =>
  api.request<Done>('POST', `/parked-events/${id}/release`, { body: {}, idempotencyKey })

export const breakGlasses = (signal?: AbortSignal) => api.request<Page<BreakGlass>>('GET', '/break-glass', { signal })

export const reviewBreakGlass = (id: string, verdict: 'justified' | 'unjustified', idempotencyKey: string) =>
  api.request<Done>('POST', `/break-glass/${id}/review`, { body: { verdict }, idempotencyKey })
