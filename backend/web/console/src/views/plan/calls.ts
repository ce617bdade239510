import type { ClearRule, SetRule, StopClinic } from '../../model'
import { api } from '../../session'

// Sessions of a day and what is done to them

export const sessionsOf = (day: string, signal?: AbortSignal) => api.call('GET', '/schedules', { query: { day }, signal })

export const changesOf = (day: string, signal?: AbortSignal) =>
  api.call('GET', '/clinic-changes', { query: { day }, signal })

export const stopClinic = (body: StopClinic, idempotencyKey: string) =>
  api.call('POST', '/schedules/stop', { body, idempotencyKey })

export const substituteDoctor = (
  input: { scheduleId: string; staffId: string; reason: string },
  idempotencyKey: string,
) =>
  api.call('POST', '/schedules/{schedule_id}/substitute', {
    path: { schedule_id: input.scheduleId },
    body: { staff_id: input.staffId, reason: input.reason },
    idempotencyKey,
  })

// Rules

export const bookingRules = (signal?: AbortSignal) => api.call('GET', '/booking-rules', { signal })

export const setRule = (body: SetRule, idempotencyKey: string) =>
  api.call('POST', '/booking-rules', { body, idempotencyKey })

export const clearRule = (body: ClearRule, idempotencyKey: string) =>
  api.call('POST', '/booking-rules/clear', { body, idempotencyKey })
