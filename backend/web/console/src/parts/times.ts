/** A picked "2026-03-05T08:00", which has no zone, as the Shanghai moment the person means. */
export function shanghaiMoment(local: string): string {
  return `${local.length === 16 ? `${local}:00` : local}+08:00`
}

/** The calendar date so many days later: "2026-02-28", 1 → "2026-03-01". */
export function addDays(day: string, days: number): string {
  const moment = new Date(`${day}T00:00:00Z`)
  moment.setUTCDate(moment.getUTCDate() + days)
  return moment.toISOString().slice(0, 10)
}

/** Monday 1 … Sunday 7 of a calendar date. */
export const isoWeekday = (day: string): number => new Date(`${day}T00:00:00Z`).getUTCDay() || 7

/** Minutes after midnight as people say them: 420 → "07:00", 1440 → "24:00". */
export function clockText(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
}

/** "07:00" → 420; null when it is no time of day. "24:00" is the end of the day. */
export function minuteOf(text: string): number | null {
  const parts = /^(\d{1,2}):(\d{2})$/.exec(text.trim())
  if (parts === null) return null
  const minute = Number(parts[1]) * 60 + Number(parts[2])
  return Number(parts[2]) > 59 || minute > 1440 ? null : minute
}

/** 45 → "45 分钟", 90 → "1 小时 30 分钟", 2880 → "2 天". */
export function durationText(minutes: number): string {
  const parts = [
    [Math.floor(minutes / 1440), '天'],
    [Math.floor(minutes / 60) % 24, '小时'],
    [minutes % 60, '分钟'],
  ] as const
  const said = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`)
  return said.length === 0 ? '0 分钟' : said.join(' ')
}

/** "19900307" or "1990-03-07" → "1990-03-07"; null when there is no such day. */
export function calendarDate(text: string): string | null {
  const parts = /^(\d{4})[-./]?(\d{2})[-./]?(\d{2})$/.exec(text.trim())
  if (parts === null) return null
  const day = `${parts[1]}-${parts[2]}-${parts[3]}`
  const moment = new Date(`${day}T00:00:00Z`)
  return Number.isNaN(moment.getTime()) || moment.toISOString().slice(0, 10) !== day ? null : day
}
