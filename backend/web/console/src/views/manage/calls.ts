import type {
  ChangePrice,
  CreateEnrolment,
  HireStaff,
  OpenStaffAccount,
  PairDevice,
  RedirectRefund,
  SaveDepartment,
  SavePlace,
  SavePriceItem,
  SentMessage,
  StaffRole,
  Verdict,
} from '../../model'
import { api } from '../../session'

// Staff

export const staffMembers = (q: string, departmentId: string | null, cursor: string | null, signal?: AbortSignal) =>
  api.call('GET', '/staff', { query: { q, department_id: departmentId || null, cursor }, signal })

export const hireStaff = (body: HireStaff, idempotencyKey: string) =>
  api.call('POST', '/staff', { body, idempotencyKey })

export const openAccount = (staffId: string, body: OpenStaffAccount) =>
  api.call('POST', '/staff/{staff_id}/account', { path: { staff_id: staffId }, body })

export const changeRoles = (staffId: string, roles: StaffRole[], idempotencyKey: string) =>
  api.call('POST', '/staff/{staff_id}/roles', { path: { staff_id: staffId }, body: { roles }, idempotencyKey })

export const disableAccount = (staffId: string, idempotencyKey: string) =>
  api.call('POST', '/staff/{staff_id}/disable', { path: { staff_id: staffId }, idempotencyKey })

export const enableAccount = (staffId: string, idempotencyKey: string) =>
  api.call('POST', '/staff/{staff_id}/enable', { path: { staff_id: staffId }, idempotencyKey })

export const resetTotp = (staffId: string, idempotencyKey: string) =>
  api.call('POST', '/staff/{staff_id}/reset-totp', { path: { staff_id: staffId }, idempotencyKey })

// Places

export const campuses = (signal?: AbortSignal) => api.call('GET', '/campuses', { signal })

export const departments = (withClosed: boolean, signal?: AbortSignal) =>
  api.call('GET', '/departments', { query: { with_closed: withClosed }, signal })

export const places = (withClosed: boolean, signal?: AbortSignal) =>
  api.call('GET', '/locations', { query: { with_closed: withClosed }, signal })

export const saveDepartment = (body: SaveDepartment, idempotencyKey: string) =>
  api.call('POST', '/departments', { body, idempotencyKey })

export const savePlace = (body: SavePlace, idempotencyKey: string) =>
  api.call('POST', '/locations', { body, idempotencyKey })

// Devices

export const devices = (signal?: AbortSignal) => api.call('GET', '/devices', { signal })

export const makeEnrolment = (body: CreateEnrolment, idempotencyKey: string) =>
  api.call('POST', '/devices/enrolments', { body, idempotencyKey })

export const pairDevice = (body: PairDevice, idempotencyKey: string) =>
  api.call('POST', '/devices/pair', { body, idempotencyKey })

export const approveDevice = (deviceId: string, locationId: string | null, idempotencyKey: string) =>
  api.call('POST', '/devices/{device_id}/approve', { path: { device_id: deviceId }, body: { location_id: locationId }, idempotencyKey })

export const revokeDevice = (deviceId: string, idempotencyKey: string) =>
  api.call('POST', '/devices/{device_id}/revoke', { path: { device_id: deviceId }, idempotencyKey })

// Prices and codes

export const priceItems = (q: string, category: string, cursor: string | null, signal?: AbortSignal) =>
  api.call('GET', '/price-items', { query: { q, category: category || null, cursor }, signal })

export const priceHistory = (id: string, signal?: AbortSignal) =>
  api.call('GET', '/price-items/{price_item_id}/prices', { path: { price_item_id: id }, signal })

export const savePriceItem = (body: SavePriceItem, idempotencyKey: string) =>
  api.call('POST', '/price-items', { body, idempotencyKey })

export const changePrice = (id: string, body: ChangePrice, idempotencyKey: string) =>
  api.call('POST', '/price-items/{price_item_id}/prices', { path: { price_item_id: id }, body, idempotencyKey })

export const priceCategories = (signal?: AbortSignal) => api.call('GET', '/price-categories', { signal })

export const codeSystems = (signal?: AbortSignal) => api.call('GET', '/code-systems', { signal })

export const concepts = (system: string, edition: string | null, q: string, signal?: AbortSignal) =>
  api.call('GET', '/concepts', { query: { system, edition, q }, signal })

// Work that waits for a person

export const duplicates = (cursor: string | null, signal?: AbortSignal) =>
  api.call('GET', '/patients/duplicates', { query: { cursor }, signal })

export const dismissDuplicate = (id: string, version: number, idempotencyKey: string) =>
  api.call('POST', '/patients/duplicates/{duplicate_id}/dismiss', { path: { duplicate_id: id }, body: { version }, idempotencyKey })

export const troubledRefunds = (signal?: AbortSignal) => api.call('GET', '/refunds/attention', { signal })

export const retryRefund = (id: string, idempotencyKey: string) =>
  api.call('POST', '/refunds/{refund_id}/retry', { path: { refund_id: id }, idempotencyKey })

export const redirectRefund = ({ id, ...body }: RedirectRefund & { id: string }, idempotencyKey: string) =>
  api.call('POST', '/refunds/{refund_id}/redirect', { path: { refund_id: id }, body, idempotencyKey })

export const checkRefund = (id: string, idempotencyKey: string) =>
  api.call('POST', '/refunds/{refund_id}/check', { path: { refund_id: id }, idempotencyKey })

export const mismatches = (signal?: AbortSignal) => api.call('GET', '/payments/attention', { signal })

export const checkMismatch = (id: string, idempotencyKey: string) =>
  api.call('POST', '/payments/attention/{notice_id}/check', { path: { notice_id: id }, idempotencyKey })

export const settleMismatch = (id: string, note: string, idempotencyKey: string) =>
  api.call('POST', '/payments/attention/{notice_id}/settle', { path: { notice_id: id }, body: { note }, idempotencyKey })

// Oversight

export interface AuditFilter {
  action: string
  patient_id: string
  actor_id: string
  since: string
  until: string
}

export function auditLines(filter: AuditFilter, cursor: string | null, signal?: AbortSignal) {
  const given: Partial<AuditFilter> = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== ''))
  return api.call('GET', '/audit', { query: { ...given, cursor }, signal })
}

export const sentMessages = (status: SentMessage['status'] | null, cursor: string | null, signal?: AbortSignal) =>
  api.call('GET', '/sent-messages', { query: { status, cursor }, signal })

export const parkedEvents = (signal?: AbortSignal) => api.call('GET', '/parked-events', { signal })

export const releaseParked = (id: string, idempotencyKey: string) =>
  api.call('POST', '/parked-events/{delivery_id}/release', { path: { delivery_id: id }, idempotencyKey })

export const breakGlasses = (signal?: AbortSignal) => api.call('GET', '/break-glass', { signal })

export const reviewBreakGlass = (id: string, verdict: Verdict, idempotencyKey: string) =>
  api.call('POST', '/break-glass/{break_glass_id}/review', { path: { break_glass_id: id }, body: { verdict }, idempotencyKey })
