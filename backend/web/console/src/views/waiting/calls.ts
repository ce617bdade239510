import type { BanKind } from '../../model'
import { api } from '../../session'

export const waitlistOf = (day: string, departmentId: string | null, signal?: AbortSignal) =>
  api.call('GET', '/waitlist', { query: { day, department_id: departmentId || null }, signal })

export const bans = (input: { live: boolean; appealed: boolean }, signal?: AbortSignal) =>
  api.call('GET', '/bans', { query: input, signal })

export const setBan = (body: { patient_id: string; kind: BanKind; days: number; reason: string }, idempotencyKey: string) =>
  api.call('POST', '/bans', { body, idempotencyKey })

export const liftBan = (input: { id: string; reason: string }, idempotencyKey: string) =>
  api.call('POST', '/bans/{ban_id}/lift', { path: { ban_id: input.id }, body: { reason: input.reason }, idempotencyKey })

export const answerAppeal = (input: { id: string; accept: boolean; answer: string }, idempotencyKey: string) =>
  api.call('POST', '/bans/{ban_id}/answer-appeal', {
    path: { ban_id: input.id },
    body: { accept: input.accept, answer: input.answer },
    idempotencyKey,
  })
