// Courses of visits: shapes as generated from the server's route table.
import type { components } from '@hospital/kit'
import { api } from '../session'

type Schemas = components['schemas']

export type SeriesPlan = Schemas['SeriesPlan']
export type SeriesDay = Schemas['SeriesDay']
export type PlannedVisit = Schemas['PlannedVisit']
export type PlanSeries = Schemas['PlanSeries']
export type BookSeries = Schemas['BookSeries']
export type Series = Schemas['SeriesView']

export const TROUBLES: Record<Schemas['SeriesTrouble'], string> = {
  holiday: '节假日不出诊',
  no_clinic: '医生当天不出诊',
  stopped: '医生停诊',
  not_released: '还没有放号',
  full: '已约满',
  booked: '您这个时段已有预约',
}

export const planSeries = (body: PlanSeries, signal?: AbortSignal) => api.call('POST', '/series/plan', { body, signal })
export const bookSeries = (body: BookSeries, idempotencyKey: string) => api.call('POST', '/series', { body, idempotencyKey })
export const mySeries = (signal?: AbortSignal) => api.call('GET', '/series', { signal })
export const seriesOf = (id: string, signal?: AbortSignal) => api.call('GET', '/series/{series_id}', { path: { series_id: id }, signal })
export const cancelSeries = (id: string, idempotencyKey: string) =>
  api.call('POST', '/series/{series_id}/cancel', { path: { series_id: id }, idempotencyKey })
