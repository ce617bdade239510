// What people read: money, times, names. All times are shown in Asia/Shanghai whatever the device thinks.

const SHANGHAI = 'Asia/Shanghai'
const WEEKDAYS = ['周日', '周一', '周二', '周三', '周四', '周五', '周六']

/** 12345678 fen → "¥123,456.78". Integers only: money never meets a float. */
export function yuan(fen: number, symbol = '¥'): string {
  if (!Number.isSafeInteger(fen)) throw new RangeError(`not an amount in fen: ${fen}`)
  const digits = String(Math.abs(fen)).padStart(3, '0')
  const whole = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ',')
  return `${fen < 0 ? '-' : ''}${symbol}${whole}.${digits.slice(-2)}`
}

export type Moment = string | number | Date

interface Parts {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
}

const shanghai = new Intl.DateTimeFormat('en-CA', {
  timeZone: SHANGHAI,
  hourCycle: 'h23',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})

function partsOf(moment: Moment): Parts {
  const date = moment instanceof Date ? moment : new Date(moment)
  const found: Record<string, number> = {}
  for (const part of shanghai.formatToParts(date)) found[part.type] = Number(part.value)
  return found as unknown as Parts
}

const two = (value: number): string => String(value).padStart(2, '0')

/** "2026-03-05" */
export function formatDate(moment: Moment): string {
  const { year, month, day } = partsOf(moment)
  return `${year}-${two(month)}-${two(day)}`
}

/** "08:05" */
export function formatTime(moment: Moment): string {
  const { hour, minute } = partsOf(moment)
  return `${two(hour)}:${two(minute)}`
}

/** "下午": in what part of the day a moment is, whatever session it belongs to. */
export function partOfDay(moment: Moment): string {
  const { hour } = partsOf(moment)
  if (hour < 6) return '凌晨'
  if (hour < 12) return '上午'
  return hour < 18 ? '下午' : '晚上'
}

/** Places of one session by the part of the day they are in, in their order. */
export function byPartOfDay<Place extends { starts_at: string }>(places: readonly Place[]): { part: string; places: Place[] }[] {
  const parts: { part: string; places: Place[] }[] = []
  for (const place of places) {
    const part = partOfDay(place.starts_at)
    const last = parts[parts.length - 1]
    if (last?.part === part) last.places.push(place)
    else parts.push({ part, places: [place] })
  }
  return parts
}

/** "08:05:09" */
export function formatClock(moment: Moment): string {
  return `${formatTime(moment)}:${two(partsOf(moment).second)}`
}

/** "2026-03-05 08:05" */
export function formatDateTime(moment: Moment): string {
  return `${formatDate(moment)} ${formatTime(moment)}`
}

/** "周四" for a calendar date "2026-03-05" or a moment. */
export function weekday(moment: Moment): string {
  return WEEKDAYS[new Date(`${dayOf(moment)}T00:00:00Z`).getUTCDay()]!
}

/** "3月5日 周四" */
export function formatDay(moment: Moment): string {
  const [, month, day] = dayOf(moment).split('-').map(Number)
  return `${month}月${day}日 ${weekday(moment)}`
}

/** "今天", "明天", "后天", "昨天", else "3月5日 周四". `now` is the server's. */
export function relativeDay(moment: Moment, now: Moment): string {
  const days = (Date.parse(dayOf(moment)) - Date.parse(dayOf(now))) / 86_400_000
  return ({ '-1': '昨天', 0: '今天', 1: '明天', 2: '后天' } as Record<number, string>)[days] ?? formatDay(moment)
}

/** A calendar date stays what it says; only moments are moved to Shanghai. */
function dayOf(moment: Moment): string {
  return typeof moment === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(moment) ? moment : formatDate(moment)
}

/** Minutes to wait, in words that promise no false precision: "约 35 分钟", "约 1 小时 20 分". */
export function formatWait(minutes: number): string {
  if (minutes < 1) return '马上'
  if (minutes < 60) return `约 ${Math.round(minutes)} 分钟`
  const rounded = Math.round(minutes / 5) * 5
  const rest = rounded % 60
  return `约 ${Math.floor(rounded / 60)} 小时${rest === 0 ? '' : ` ${rest} 分`}`
}

/** Time left: "09:59", "1:02:03"; never negative. */
export function formatCountdown(ms: number): string {
  const total = Math.max(0, Math.ceil(ms / 1000))
  const [hours, minutes, seconds] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${two(minutes)}:${two(seconds)}`
}

/** Age as wards write it: "3天", "8月龄", "35岁". */
export function formatAge(birthDate: string, now: Moment): string {
  const [year, month, day] = birthDate.split('-').map(Number) as [number, number, number]
  const today = partsOf(now)
  const months = (today.year - year) * 12 + (today.month - month) - (today.day < day ? 1 : 0)
  if (months >= 36) return `${Math.floor(months / 12)}岁`
  if (months >= 1) return `${months}月龄`
  return `${Math.max(0, Math.round((Date.parse(formatDate(now)) - Date.parse(birthDate)) / 86_400_000))}天`
}

const COMPOUND_SURNAMES = new Set(
  '欧阳 上官 司马 司徒 诸葛 皇甫 尉迟 公孙 慕容 令狐 长孙 夏侯 东方 独孤 南宫 西门 百里 宇文 端木 轩辕 澹台 闻人 赫连 钟离 呼延 申屠 太史 公冶 宗政 濮阳 淳于 单于 仲孙 鲜于 闾丘 司空 亓官 公羊 万俟'.split(' '),
)

/**
 * 张三丰 → 张*丰, 李雷 → 李*, 欧阳小雪 → 欧阳*雪, John Smith → J***.
 * For names this page already has; a public screen gets its names masked by the server.
 */
export function maskName(name: string): string {
  const letters = Array.from(name.trim())
  if (letters.length === 0) return ''
  if (!/^\p{Script=Han}/u.test(name.trim())) return `${letters[0]}***`
  const surname = letters.length > 2 && COMPOUND_SURNAMES.has(letters.slice(0, 2).join('')) ? 2 : 1
  const given = letters.slice(surname)
  if (given.length <= 1) return `${letters.slice(0, surname).join('')}*`
  return `${letters.slice(0, surname).join('')}${'*'.repeat(given.length - 1)}${given[given.length - 1]}`
}

/** 110101199003071234 → 110***********1234 */
export function maskIdNumber(number: string): string {
  if (number.length <= 7) return '*'.repeat(number.length)
  return number.slice(0, 3) + '*'.repeat(number.length - 7) + number.slice(-4)
}

/** 13812345678 → 138****5678 */
export function maskPhone(number: string): string {
  if (number.length < 8) return '*'.repeat(number.length)
  return number.slice(0, 3) + '*'.repeat(number.length - 7) + number.slice(-4)
}
