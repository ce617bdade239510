// Having left for the payment sheet is remembered until the hospital knows the outcome: never a second payment meanwhile.

const STORE = 'hospital.phone.paying'

/** `left`: gone to pay, nothing heard. `ok`: the sheet said paid, which is not yet proof. */
export type Left = 'left' | 'ok'

function read(): Record<string, Left> {
  try {
    return JSON.parse(localStorage.getItem(STORE) ?? '{}') as Record<string, Left>
  } catch {
    // Storage off: the address of the return still says what the sheet said.
    return {}
  }
}

export function leftToPay(what: string): Left | null {
  return read()[what] ?? null
}

export function rememberPaying(what: string, left: Left | null): void {
  const all = read()
  if (left === null) delete all[what]
  else all[what] = left
  try {
    localStorage.setItem(STORE, JSON.stringify(all))
  } catch {
    // As above.
  }
}
