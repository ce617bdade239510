import type { components } from '@hospital/kit'
import { api } from '../../session'

type Schemas = components['schemas']

export type SeriesPlan = Schemas['SeriesPlan']
export type SeriesDay = Schemas['SeriesDay']
export type PlannedVisit = Schemas['PlannedVisit']
export type PlanSeries = Schemas['PlanSeries']
export type BookSeries = Schemas['BookSeries']
export type Series = Schemas['SeriesView']

export const TROUBLES: Record<Schemas['SeriesTrouble'], string> = {
  holiday: '节假日不出诊',
  no_clinic: '当天不出诊',
  stopped: '停诊',
  not_released: '尚未放号',
  full: '已约满',
  booked: '此时段已有预约',
}

export const planSeries = (body: PlanSeries, signal?: AbortSignal) => api.call('POST', '/series/plan', { body, signal })
export const bookSeries = (body: BookSeries, idempotencyKey: string) => api.call('POST', '/series', { body, idempotencyKey })
export const seriesOfPatient = (patientId: string, signal?: AbortSignal) =>
  api.call('GET', '/patients/{patient_id}/series', { path: { patient_id: patientId }, signal })
export const cancelSeries = (seriesId: string, idempotencyKey: string) =>
  api.call('POST', '/series/{series_id}/cancel', { path: { series_id: seriesId }, idempotencyKey })
