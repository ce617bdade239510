import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { attachScanner, takeFieldScan, type Scan, type ScannerOptions } from '../src/scanner'

class Key extends Event {
  readonly isComposing = false
  readonly altKey = false
  readonly metaKey = false
  constructor(
    readonly key: string,
    readonly ctrlKey = false,
  ) {
    super('keydown', { cancelable: true })
  }
}

class Field extends EventTarget {
  tagName = 'INPUT'
  type = 'text'
  inputs = 0
  constructor(public value = '') {
    super()
    this.addEventListener('input', () => this.inputs++)
  }
}

let time = 0
let page: EventTarget
let scans: Scan[]
let stop: () => void

function attach(options: Partial<ScannerOptions> = {}, target: EventTarget = page): void {
  stop = attachScanner({ onScan: (scan) => scans.push(scan), target, now: () => time, ...options })
}

/** Types the text, then Enter; returns the Enter. Fields receive the letters as a browser would give them. */
function type(text: string, gap: number, into: Field | null = null, end = 'Enter'): Key {
  const target = into ?? page
  for (const letter of text) {
    time += gap
    target.dispatchEvent(new Key(letter))
    if (into !== null) into.value += letter
  }
  time += gap
  const last = new Key(end)
  target.dispatchEvent(last)
  return last
}

beforeEach(() => {
  time = 1_000
  page = new EventTarget()
  scans = []
})
afterEach(() => stop())

describe('outside text fields', () => {
  it('takes a burst ended by Enter or Tab, and the Enter presses no button', () => {
    attach()
    expect(type('ZY0012345678', 10).defaultPrevented).toBe(true)
    expect(type('P1.V20260305', 10, null, 'Tab').defaultPrevented).toBe(true)
    expect(scans.map((scan) => scan.code)).toEqual(['ZY0012345678', 'P1.V20260305'])
  })

  it('leaves typing and short bursts alone', () => {
    attach()
    expect(type('ZY0012345678', 120).defaultPrevented).toBe(false)
    expect(type('123', 5).defaultPrevented).toBe(false)
    expect(scans).toEqual([])
  })

  it('starts afresh after a pause, so that a stray key does not spoil a scan', () => {
    attach()
    page.dispatchEvent(new Key('x'))
    time += 500
    type('I1.G7.2.K', 8)
    expect(scans).toEqual([{ code: 'I1.G7.2.K' }])
  })

  it('keeps the group separator', () => {
    attach()
    for (const key of ['0', '1', '0', '9', '5', '0']) page.dispatchEvent(new Key(key))
    page.dispatchEvent(new Key(']', true))
    type('17', 5)
    expect(scans).toEqual([{ code: '010950\x1d17' }])
  })

  it('leaves a code that is another listener\'s to it, and presses nothing either way', () => {
    const money: string[] = []
    attach({ accepts: (code) => !code.startsWith('13') })
    const stopOther = attachScanner({ target: page, now: () => time, accepts: (code) => code.startsWith('13'), onScan: ({ code }) => money.push(code) })
    expect(type('134567890123456781', 5).defaultPrevented).toBe(true)
    type('P1.V123.K', 5)
    stopOther()
    expect(type('134567890123456782', 5).defaultPrevented).toBe(true)
    expect([scans.map((scan) => scan.code), money]).toEqual([['P1.V123.K'], ['134567890123456781']])
  })

  it('counts one trigger pull once', () => {
    attach()
    type('ABCDEF1', 5)
    type('ABCDEF1', 5)
    time += 2_000
    type('ABCDEF1', 5)
    expect(scans).toHaveLength(2)
  })

  it('ignores keys that are no letters', () => {
    attach()
    page.dispatchEvent(new Key('Shift'))
    page.dispatchEvent(new Key('Unidentified'))
    type('ABCDEF1', 5)
    expect(scans).toEqual([{ code: 'ABCDEF1' }])
  })
})

describe('inside a text field', () => {
  it('leaves a fast typist and pasted barcodes of other kinds in the field', () => {
    const field = new Field('a')
    attach({ prefixes: ['P1.'] }, field)
    expect(type('6901234567892', 5, field).defaultPrevented).toBe(false)
    expect(field.value).toBe('a6901234567892')
    expect(scans).toEqual([])
  })

  it('leaves what it does not accept where it was typed', () => {
    const field = new Field()
    attach({ prefixes: ['11'], accepts: () => false }, field)
    expect(type('110101199003070134', 5, field).defaultPrevented).toBe(false)
    expect([field.value, scans]).toEqual(['110101199003070134', []])
  })

  it('takes our own codes out again, and tells v-model', () => {
    const field = new Field('备注')
    attach({ prefixes: ['P1.'] }, field)
    expect(type('P1.V123.K', 5, field).defaultPrevented).toBe(true)
    expect(field.value).toBe('备注')
    expect(field.inputs).toBe(1)
    expect(scans).toEqual([{ code: 'P1.V123.K' }])
  })
})

describe('other ways in', () => {
  it('takes scans from a WebView shell until stopped', () => {
    vi.stubGlobal('window', {})
    attach()
    window.__scan!('S1.00012', 'CODE128')
    expect(scans).toEqual([{ code: 'S1.00012', symbology: 'CODE128' }])
    stop()
    expect(window.__scan).toBeUndefined()
    vi.unstubAllGlobals()
  })

  it('empties the hidden field it reads', () => {
    const field = { value: ' B1.0301 ' } as HTMLInputElement
    expect(takeFieldScan(field)).toEqual({ code: 'B1.0301' })
    expect(field.value).toBe('')
    expect(takeFieldScan(field)).toBeNull()
  })

  it('hears nothing after its end', () => {
    attach()
    stop()
    type('ZY0012345678', 5)
    expect(scans).toEqual([])
  })
})
