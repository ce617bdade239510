// How a linked phone is named to the patient in front of the kiosk.
import { formatDate } from '@hospital/kit'
import type { Account } from './protocol'

/** Whose phone it is, seen from the patient: the phone's holder said what the patient is to them. */
export const HOLDERS: Readonly<Record<string, string>> = {
  self: '您本人',
  child: '您的父母或监护人',
  parent: '您的子女',
  spouse: '您的配偶',
  other: '其他人',
}

export function holderOf(account: Account): string {
  return HOLDERS[account.relation] ?? HOLDERS.other!
}

/** "2026年3月5日": people know the day on which they did it. */
export function linkedOn(account: Account): string {
  const [year, month, day] = formatDate(account.linked_at).split('-').map(Number)
  return `${year}年${month}月${day}日`
}
