// Finding the right door: search, symptom guide, doctors. Shapes as generated from the server's route table.
import type { components } from '@hospital/kit'
import { api, ROOT } from '../session'

type Schemas = components['schemas']

export type Found = Schemas['SearchView']
export type DepartmentHit = Schemas['DepartmentHit']
export type DoctorHit = Schemas['DoctorHit']
export type NextFree = Schemas['NextFree']
export type DoctorPage = Schemas['DoctorPageView']
export type DoctorSession = Schemas['DoctorSession']
export type GuideQuestion = Schemas['AskGuide']
export type GuideAdvice = Schemas['GuideAdviceView']

export const find = (q: string, signal?: AbortSignal) => api.call('GET', '/search', { query: { q }, signal })

export const guideParts = (signal?: AbortSignal) => api.call('GET', '/guide/parts', { signal })
export const guideSymptoms = (part: string, signal?: AbortSignal) => api.call('GET', '/guide/symptoms', { query: { part }, signal })
export const askGuide = (body: GuideQuestion) => api.call('POST', '/guide/advice', { body })

export const doctorPage = (staffId: string, signal?: AbortSignal) =>
  api.call('GET', '/doctors/{staff_id}', { path: { staff_id: staffId }, signal })

/** The version makes a new photo a new address, so that an old one is never shown from memory. */
export const photoOf = (one: { staff_id: string; photo_version?: string | null }): string =>
  `${ROOT}/doctors/${one.staff_id}/photo${one.photo_version == null ? '' : `?v=${one.photo_version}`}`
