// Keyboard-wedge scanners: a scan is a burst of keys and an Enter, told from typing by its speed.

export interface Scan {
  code: string
  /** Known only where a WebView shell hands the scan over. */
  symbology?: string
}

export interface ScannerOptions {
  onScan(scan: Scan): void
  /** Which codes are meant for this listener; another one on the page may take the rest. All, unless given. */
  accepts?(code: string): boolean
  /** A text field keeps what is typed into it unless the burst starts with one of these (P1., I1., HSP1. …). */
  prefixes?: readonly string[]
  lengthMin?: number
  /** A longer pause is a person typing; 100 on slow handhelds. */
  gapMs?: number
  /** The same code again within this time is one trigger pull. */
  repeatMs?: number
  target?: EventTarget
  now?: () => number
}

interface Burst {
  text: string
  lastAt: number
  field: { element: HTMLInputElement | HTMLTextAreaElement; value: string } | null
}

const ENDERS = new Set(['Enter', 'Tab'])
const NOT_TEXT = new Set(['button', 'checkbox', 'radio', 'submit', 'reset', 'range', 'color', 'file', 'image'])

declare global {
  interface Window {
    /** Called by a WebView shell that receives the scanner's broadcast; turn keystroke output off there. */
    __scan?: (text: string, symbology?: string) => void
  }
}

/** Starts listening; the returned function stops. */
export function attachScanner(options: ScannerOptions): () => void {
  const { lengthMin = 6, gapMs = 60, repeatMs = 1_500, prefixes = [] } = options
  const target = options.target ?? window
  const now = options.now ?? (() => performance.now())
  const accepts = options.accepts ?? (() => true)
  let burst: Burst | null = null
  let last: { code: string; at: number } | null = null

  function deliver(code: string, symbology?: string): void {
    const text = code.trim()
    if (text === '') return
    const isRepeat = last !== null && last.code === text && now() - last.at < repeatMs
    last = { code: text, at: now() }
    if (!isRepeat) options.onScan(symbology === undefined ? { code: text } : { code: text, symbology })
  }

  function finish(event: KeyboardEvent): void {
    const done = burst
    burst = null
    if (done === null || now() - done.lastAt > gapMs || done.text.length < lengthMin) return
    // Otherwise the scanner's Enter presses whatever button has the focus, whoever the code is meant for.
    if (done.field === null) event.preventDefault()
    else if (!prefixes.some((prefix) => done.text.startsWith(prefix))) return
    if (!accepts(done.text.trim())) return
    event.preventDefault()
    event.stopImmediatePropagation()
    if (done.field !== null) restore(done.field)
    deliver(done.text)
  }

  function onKeydown(event: Event): void {
    const key = event as KeyboardEvent
    if (key.isComposing || key.altKey || key.metaKey) return
    if (ENDERS.has(key.key)) return finish(key)
    const letter = letterOf(key)
    if (letter === null) return
    const field = textFieldOf(key.target)
    if (burst === null || now() - burst.lastAt > gapMs) {
      burst = { text: '', lastAt: 0, field: field === null ? null : { element: field, value: field.value } }
    } else if (field === null) {
      // Inside a burst a space must not press a button nor a slash open the browser's search.
      key.preventDefault()
    }
    burst.text += letter
    burst.lastAt = now()
  }

  const capture = { capture: true }
  const shell = typeof window === 'undefined' ? null : window
  const previous = shell?.__scan
  const receive = (text: string, symbology?: string): void => (accepts(text.trim()) ? deliver : previous)?.(text, symbology)
  target.addEventListener('keydown', onKeydown, capture)
  if (shell !== null) shell.__scan = receive
  return () => {
    target.removeEventListener('keydown', onKeydown, capture)
    // A screen opened later may have taken over in the meantime.
    if (shell?.__scan === receive) shell.__scan = previous
  }
}

/** GS, the separator inside GS1 codes, comes from some wedges as Ctrl+]. */
function letterOf(key: KeyboardEvent): string | null {
  if (key.ctrlKey) return key.key === ']' ? '\x1d' : null
  return Array.from(key.key).length === 1 ? key.key : null
}

function textFieldOf(target: EventTarget | null): HTMLInputElement | HTMLTextAreaElement | null {
  const element = target as Partial<HTMLInputElement> | null
  if (element?.tagName === 'TEXTAREA') return element as unknown as HTMLTextAreaElement
  return element?.tagName === 'INPUT' && !NOT_TEXT.has(element.type ?? '') ? (element as HTMLInputElement) : null
}

function restore(field: NonNullable<Burst['field']>): void {
  field.element.value = field.value
  // v-model listens to input events, not to the property.
  field.element.dispatchEvent(new Event('input', { bubbles: true }))
}

/**
 * For Android keyboards that answer every key with 229/"Unidentified": a focused field without a soft
 * keyboard receives the text itself. Give it `inputmode="none"`; call on its `change` and Enter.
 */
export function takeFieldScan(element: HTMLInputElement): Scan | null {
  const code = element.value.trim()
  element.value = ''
  return code === '' ? null : { code }
}
