import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const css = readFileSync(new URL('../src/styles/tokens.css', import.meta.url), 'utf8')

function block(selector: string): Record<string, string> {
  const body = css.slice(css.indexOf(`${selector} {`)).split('}')[0]!
  return Object.fromEntries([...body.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map((match) => [match[1]!, match[2]!]))
}

function luminance(hex: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return channel <= 0.03928 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(one: string, other: string): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number]
  return (light + 0.05) / (dark + 0.05)
}

const pairs = [
  ...['ink', 'ink-soft', 'primary', 'call', 'success', 'warning', 'danger', 'info'].flatMap((text) => [
    [text, 'surface'],
    [text, 'paper'],
  ]),
  ...['primary', 'call', 'success', 'warning', 'danger', 'info'].map((text) => [text, `${text}-tint`]),
  ...['primary', 'primary-strong', 'danger', 'call'].map((ground) => ['on-primary', ground]),
  ...['on-night', 'on-night-soft', 'night-accent'].flatMap((text) => [
    [text, 'night'],
    [text, 'night-raised'],
  ]),
  ['ink-soft', 'line'],
  ['primary-strong', 'primary-tint'],
  ['ink-soft', 'primary-tint'],
] as [string, string][]

describe('contrast', () => {
  const normal = block(':root')
  const elder = { ...normal, ...block('html.elder') }

  it('knows its own measure', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21)
    expect(contrast('#777777', '#ffffff')).toBeLessThan(4.5)
  })

  it.each(pairs)('%s on %s is at least 4.5:1', (text, ground) => {
    for (const theme of [normal, elder]) {
      expect(contrast(theme[`color-${text}`]!, theme[`color-${ground}`]!)).toBeGreaterThanOrEqual(4.5)
    }
  })
})
