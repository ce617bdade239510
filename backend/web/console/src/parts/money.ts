/** "50", "50.5", "50.05" yuan as typed → fen; null when it is no amount. Digits are moved, nothing is multiplied. */
export function fenOf(yuan: string): number | null {
  const parts = /^(\d{1,8})(?:\.(\d{0,2}))?$/.exec(yuan.trim())
  if (parts === null) return null
  return Number(parts[1]! + (parts[2] ?? '').padEnd(2, '0'))
}

/** More change than this is a slip of the finger, or a code that was scanned into the field: nobody hands over so much too much. */
export const CHANGE_MOST_FEN = 20_000

/** 5000 fen → "50", 5050 → "50.50": what a person would have typed. */
export function yuanText(fen: number): string {
  const digits = String(fen).padStart(3, '0')
  return digits.endsWith('00') ? digits.slice(0, -2) : `${digits.slice(0, -2)}.${digits.slice(-2)}`
}

/** Decimal yuan of the price list ("12.5000") as a price label: at least two places, no idle zeros after them. */
export function priceText(price: string): string {
  const [whole, places = ''] = price.split('.')
  return `¥${whole!.replace(/\B(?=(\d{3})+$)/g, ',')}.${places.replace(/0+$/, '').padEnd(2, '0')}`
}

const DIGITS = '零壹贰叁肆伍陆柒捌玖'
const PLACES = ['', '拾', '佰', '仟']
const MYRIADS = ['', '万', '亿']

/** 123456 fen → "壹仟贰佰叁拾肆元伍角陆分": the amount as a receipt spells it out. */
export function capitals(fen: number): string {
  const whole = Math.floor(Math.abs(fen) / 100)
  const [jiao, last] = [Math.floor(Math.abs(fen) / 10) % 10, Math.abs(fen) % 10]
  const parts = [jiao > 0 ? `${DIGITS[jiao]}角` : whole > 0 && last > 0 ? '零' : '', last > 0 ? `${DIGITS[last]}分` : '']
  const yuan = whole > 0 ? `${wholeCapitals(whole)}元` : jiao + last === 0 ? '零元' : ''
  return `${fen < 0 ? '负' : ''}${yuan}${parts.join('')}${jiao + last === 0 ? '整' : ''}`
}

function wholeCapitals(whole: number): string {
  let text = ''
  const digits = String(whole)
  Array.from(digits, Number).forEach((digit, index) => {
    const place = digits.length - 1 - index
    text += digit === 0 ? '零' : `${DIGITS[digit]}${PLACES[place % 4]}`
    if (place % 4 === 0) text = `${text.replace(/零+$/, '')}${Number(digits.slice(Math.max(0, index - 3), index + 1)) > 0 ? MYRIADS[place / 4] : ''}`
  })
  return text.replace(/零+/g, '零').replace(/零$/, '')
}
