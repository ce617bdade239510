import type { ClearRule, SaveCalendarDay, SaveTemplate, SetRule, StopClinic } from '../../model'
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

// Templates

export const templatesOf = (by: { department_id?: string | null; staff_id?: string | null }, signal?: AbortSignal) =>
  api.call('GET', '/schedule-templates', { query: by, signal })

export const saveTemplate = (body: SaveTemplate, idempotencyKey: string) =>
  api.call('POST', '/schedule-templates', { body, idempotencyKey })

export const endTemplate = (input: { id: string; validUntil: string }, idempotencyKey: string) =>
  api.call('POST', '/schedule-templates/{template_id}/end', {
    path: { template_id: input.id },
    body: { valid_until: input.validUntil },
    idempotencyKey,
  })

export const generationProblems = (signal?: AbortSignal) => api.call('GET', '/generation-problems', { signal })

// Release

export const releaseDays = (signal?: AbortSignal) => api.call('GET', '/release-days', { signal })

export const generateDay = (day: string, idempotencyKey: string) =>
  api.call('POST', '/schedules/generate', { body: { day }, idempotencyKey })

// The calendar

export const calendarDays = (first: string, last: string, signal?: AbortSignal) =>
  api.call('GET', '/calendar', { query: { first, last }, signal })

export const saveCalendarDay = (body: SaveCalendarDay, idempotencyKey: string) =>
  api.call('POST', '/calendar-days', { body, idempotencyKey })

export const clearCalendarDay = (day: string, idempotencyKey: string) =>
  api.call('POST', '/calendar-days/clear', { body: { day }, idempotencyKey })
