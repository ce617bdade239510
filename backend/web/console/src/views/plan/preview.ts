// What a weekly template will make, said before it is saved. The calendar says whose day a day is; the server generates.
import type { CalendarDay, SaveTemplate } from '../../model'
import { clockText } from '../../parts/times'

type Planned = Pick<
  SaveTemplate,
  'weekday' | 'works_on_holidays' | 'valid_from' | 'valid_until' | 'starts_minute' | 'ends_minute' | 'places'
>

export interface Preview {
  runs: CalendarDay[]
  /** Days that would be this template's, had they not been declared holidays. */
  rests: CalendarDay[]
}

/** Which of these days the template runs on. */
export function runsOn(days: readonly CalendarDay[], template: Planned): Preview {
  const own = days.filter(
    (day) =>
      day.weekday === template.weekday &&
      day.day >= template.valid_from &&
      (template.valid_until == null || day.day <= template.valid_until),
  )
  const rests = own.filter((day) => day.kind === 'holiday' && template.works_on_holidays !== true)
  return { runs: own.filter((day) => !rests.includes(day)), rests }
}

/** Minutes of one place; not whole when the session does not divide. */
export const minutesEach = (template: Pick<Planned, 'starts_minute' | 'ends_minute' | 'places'>): number =>
  (template.ends_minute - template.starts_minute) / Math.max(1, template.places)

/** "08:00、08:12、08:24 …": when the first numbers are seen, in the whole minutes that the server gives them. */
export function firstTimes(template: Planned, shown = 4): string {
  const each = minutesEach(template)
  const times = Array.from({ length: Math.min(shown, template.places) }, (_, index) => clockText(template.starts_minute + Math.floor(index * each)))
  return times.join('、') + (template.places > shown ? ' …' : '')
}

/** 12 → "12", 12.5 → "12.5". */
export const minutesText = (minutes: number): string => String(Math.round(minutes * 10) / 10)
