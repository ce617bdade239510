/** "50", "50.5", "50.05" yuan as typed → fen; null when it is no amount. Digits are moved, nothing is multiplied. */
export function fenOf(yuan: string): number | null {
  const parts = /^(\d{1,8})(?:\.(\d{0,2}))?$/.exec(yuan.trim())
  if (parts === null) return null
  return Number(parts[1]! + (parts[2] ?? '').padEnd(2, '0'))
}

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
