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

export function leftToPay(appointmentId: string): Left | null {
  return read()[appointmentId] ?? null
}

export function rememberPaying(appointmentId: string, what: Left | null): void {
  const all = read()
  if (what === null) delete all[appointmentId]
  else all[appointmentId] = what
  try {
    localStorage.setItem(STORE, JSON.stringify(all))
  } catch {
    // As above.
  }
}
