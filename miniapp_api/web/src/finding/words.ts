// Words for what a search found.
import { formatDate, yuan } from '@hospital/kit'
import { SERVICE_KINDS } from '../model'
import { whenOf } from '../words'
import type { DepartmentHit, DoctorHit, NextFree } from './calls'

const FOUND_BY: Record<DepartmentHit['found_by'], string> = { name: '', alias: '又称', disease: '疾病', symptom: '症状', specialty: '擅长' }

/** Why this was found, unless its own name says so. */
export function reasonOf(hit: Pick<DepartmentHit | DoctorHit, 'found_by' | 'matched'>): string {
  return hit.found_by === 'name' ? '' : `${FOUND_BY[hit.found_by]}：${hit.matched}`
}

export function freeWords(free: NextFree | null): string {
  if (free === null) return '暂无可约号源'
  return `最近可约 ${whenOf(free.starts_at)} · ${SERVICE_KINDS[free.service_kind]} ${free.fee_fen === 0 ? '免费' : yuan(free.fee_fen)}`
}

export const toDepartment = (departmentId: string, free: NextFree | null) => ({
  name: 'doctors',
  params: { departmentId },
  query: free === null ? {} : { day: formatDate(free.starts_at) },
})
