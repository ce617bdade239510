// Which waiting area this screen belongs to; written when an administrator pairs it.

export interface Binding {
  area_id: string
  token: string
}

const STORE = 'hospital.display.binding'

export function loadBinding(): Binding | null {
  try {
    const stored = JSON.parse(localStorage.getItem(STORE) ?? 'null') as Partial<Binding> | null
    return stored?.area_id !== undefined && stored.token !== undefined ? (stored as Binding) : null
  } catch {
    // Damaged or forbidden storage is an unpaired screen, not a broken one.
    return null
  }
}

export function saveBinding(binding: Binding): void {
  localStorage.setItem(STORE, JSON.stringify(binding))
}
