// What a number of eighteen digits is, told by the number itself.

const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2] as const
const CHECKS = '10X98765432'

/** A resident's identity number (居民身份证号): a day that there was, and the right check digit. Source: GB 11643. */
export function isIdNumber(text: string): boolean {
  const parts = /^\d{6}((?:19|20)\d{2})(\d{2})(\d{2})\d{3}[\dXx]$/.exec(text)
  if (parts === null) return false
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])]
  const born = new Date(Date.UTC(year, month - 1, day))
  if (born.getUTCMonth() !== month - 1 || born.getUTCDate() !== day) return false
  const sum = WEIGHTS.reduce((total, weight, index) => total + weight * Number(text[index]), 0)
  return CHECKS[sum % 11] === text[17]!.toUpperCase()
}

/**
 * A payment code that a phone shows (微信付款码): eighteen digits that begin with 10 to 15. So do the identity numbers of
 * five provinces; those are told apart, for a card's number must not be charged nor a payment code be searched for.
 */
export function isPaymentCode(text: string): boolean {
  return /^1[0-5]\d{16}$/.test(text) && !isIdNumber(text)
}
