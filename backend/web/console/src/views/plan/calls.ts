import type { BookingRule, ClinicChange, Page, Schedule } from '../../model'
import { api } from '../../session'

// Sessions of a day and what is done to them

export const sessionsOf = (day: string, signal?: AbortSignal) =>
  api.request<Page<Schedule>>('GET', '/schedules', { query: { day }, signal })

export const changesOf = (day: string, signal?: AbortSignal) =>
  api.request<Page<ClinicChange>>('GET', '/clinic-changes', { query: { day }, signal })

export interface StopClinic {
  schedule_ids: string[]
  slot_from?: number
  slot_to?: number
  reason: string
}

export const stopClinic = (body: StopClinic, idempotencyKey: string) =>
  api.request<{ items: ClinicChange[] }>('POST', '/schedules/stop', { body, idempotencyKey })

export const substituteDoctor = (
  input: { schedule_id: string; staff_id: string; reason: string },
  idempotencyKey: string,
) => {
  const { schedule_id, ...body } = input
  return api.request<ClinicChange>('POST', `/schedules/${schedule_id}/substitute`, { body, idempotencyKey })
}

// Rules

export const bookingRules = (signal?: AbortSignal) => api.request<Page<BookingRule>>('GET', '/booking-rules', { signal })

export interface RuleReach {
  code: string
  scope: BookingRule['scopes'][number]
  scope_key: string
}

export const setRule = (body: RuleReach & { value: number }, idempotencyKey: string) =>
  api.request<BookingRule>('POST', '/booking-rules', { body, idempotencyKey })

export const clearRule = (body: RuleReach, idempotencyKey: string) =>
  api.request<BookingRule>('POST', '/booking-rules/clear', { body, idempotencyKey })
