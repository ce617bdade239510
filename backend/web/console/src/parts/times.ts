/** A picked "2026-03-05T08:00", which has no zone, as the Shanghai moment the person means. */
export function shanghaiMoment(local: string): string {
  return `${local.length === 16 ? `${local}:00` : local}+08:00`
}

/** "19900307" or "1990-03-07" → "1990-03-07"; null when there is no such day. */
export function calendarDate(text: string): string | null {
  const parts = /^(\d{4})[-./]?(\d{2})[-./]?(\d{2})$/.exec(text.trim())
  if (parts === null) return null
  const day = `${parts[1]}-${parts[2]}-${parts[3]}`
  const moment = new Date(`${day}T00:00:00Z`)
  return Number.isNaN(moment.getTime()) || moment.toISOString().slice(0, 10) !== day ? null : day
}
