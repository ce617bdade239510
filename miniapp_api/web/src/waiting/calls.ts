// Waiting, moving, changed clinics, bans: shapes as generated from the server's route table.
import type { components } from '@hospital/kit'
import { api } from '../session'

type Schemas = components['schemas']

export type Wait = Schemas['WaitlistEntryView']
export type JoinWait = Schemas['JoinWaitlist']
export type DayPeriod = Schemas['DayPeriod']
export type Ban = Schemas['BanView']
export type Disruption = Schemas['DisruptionView']
export type DisruptionChoice = Schemas['DisruptionChoice']
export type MoveTarget = Schemas['MoveTarget']
export type MoveOption = Schemas['MoveOption']

export const waits = (signal?: AbortSignal) => api.call('GET', '/waitlist', { signal })
export const wait = (id: string, signal?: AbortSignal) => api.call('GET', '/waitlist/{entry_id}', { path: { entry_id: id }, signal })
export const joinWait = (body: JoinWait, idempotencyKey: string) => api.call('POST', '/waitlist', { body, idempotencyKey })
export const leaveWait = (id: string, idempotencyKey: string) =>
  api.call('POST', '/waitlist/{entry_id}/leave', { path: { entry_id: id }, idempotencyKey })
export const answerOffer = (id: string, accept: boolean, idempotencyKey: string) =>
  api.call('POST', '/waitlist/{entry_id}/answer', { path: { entry_id: id }, body: { accept }, idempotencyKey })

export const moveOptions = (appointmentId: string, signal?: AbortSignal) =>
  api.call('GET', '/appointments/{appointment_id}/move-options', { path: { appointment_id: appointmentId }, signal })
export const reschedule = (appointmentId: string, scheduleId: string, slotId: string | null, idempotencyKey: string) =>
  api.call('POST', '/appointments/{appointment_id}/reschedule', {
    path: { appointment_id: appointmentId },
    body: { schedule_id: scheduleId, slot_id: slotId },
    idempotencyKey,
  })

export const disruptions = (signal?: AbortSignal) => api.call('GET', '/disruptions', { signal })
export const disruption = (id: string, signal?: AbortSignal) =>
  api.call('GET', '/disruptions/{disruption_id}', { path: { disruption_id: id }, signal })
export const moveTargets = (id: string, signal?: AbortSignal) =>
  api.call('GET', '/disruptions/{disruption_id}/move-targets', { path: { disruption_id: id }, signal })
export const answerDisruption = (id: string, choice: DisruptionChoice, scheduleId: string | null, idempotencyKey: string) =>
  api.call('POST', '/disruptions/{disruption_id}/answer', {
    path: { disruption_id: id },
    body: { choice, schedule_id: scheduleId },
    idempotencyKey,
  })

export const bans = (signal?: AbortSignal) => api.call('GET', '/bans', { signal })
export const appeal = (id: string, text: string, idempotencyKey: string) =>
  api.call('POST', '/bans/{ban_id}/appeal', { path: { ban_id: id }, body: { text }, idempotencyKey })
