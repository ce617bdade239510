// Search words, the symptom guide, and what patients read of staff. Shapes as generated from the server's route table.
import type { components } from '@hospital/kit'
import { api, ROOT } from '../../session'

type Schemas = components['schemas']

export type SearchWord = Schemas['SearchWordView']
export type SaveSearchWord = Schemas['SaveSearchWord']
export type WordKind = Schemas['SearchWordKind']
export type GuideRule = Schemas['GuideRuleView']
export type SaveGuideRule = Schemas['SaveGuideRule']
export type Urgency = Schemas['GuideUrgency']
export type Introduction = Schemas['IntroduceStaff']
type Staff = Schemas['StaffView']

export const WORD_KIND: Record<WordKind, string> = { alias: '别名', disease: '疾病', symptom: '症状' }
export const URGENCY: Record<Urgency, string> = { normal: '普通', soon: '当天就诊', emergency: '立即急诊' }

export const searchWords = (q: string, kind: WordKind | null, departmentId: string | null, cursor: string | null, signal?: AbortSignal) =>
  api.call('GET', '/search-words', { query: { q, kind: kind || null, department_id: departmentId || null, cursor }, signal })

export const saveSearchWord = (body: SaveSearchWord, idempotencyKey: string) => api.call('POST', '/search-words', { body, idempotencyKey })

export const removeSearchWord = (id: string, idempotencyKey: string) =>
  api.call('POST', '/search-words/{word_id}/remove', { path: { word_id: id }, idempotencyKey })

export const guideRules = (signal?: AbortSignal) => api.call('GET', '/guide-rules', { signal })

export const saveGuideRule = (body: SaveGuideRule, idempotencyKey: string) => api.call('POST', '/guide-rules', { body, idempotencyKey })

export const moveGuideRule = (id: string, direction: 'up' | 'down', idempotencyKey: string) =>
  api.call('POST', '/guide-rules/{rule_id}/move', { path: { rule_id: id }, body: { direction }, idempotencyKey })

export const switchGuideRule = (id: string, active: boolean, idempotencyKey: string) =>
  api.call('POST', '/guide-rules/{rule_id}/switch', { path: { rule_id: id }, body: { active }, idempotencyKey })

export const introduce = (staffId: string, body: Introduction, idempotencyKey: string) =>
  api.call('POST', '/staff/{staff_id}/introduction', { path: { staff_id: staffId }, body, idempotencyKey })

export const uploadPhoto = (staffId: string, body: Blob, idempotencyKey: string) =>
  api.request<Staff>('POST', `/staff/${staffId}/photo`, { body, idempotencyKey })

export const removePhoto = (staffId: string, idempotencyKey: string) =>
  api.call('POST', '/staff/{staff_id}/photo/remove', { path: { staff_id: staffId }, idempotencyKey })

/** The version makes a new photo a new address. */
export const photoOf = (staff: Pick<Staff, 'id' | 'photo_version'>): string =>
  `${ROOT}/staff/${staff.id}/photo?v=${staff.photo_version ?? 'drawn'}`
