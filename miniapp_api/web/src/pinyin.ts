// Pinyin initials by the collation every browser carries: 骨科 → "gk". No dictionary to download.

const FIRST = '阿八嚓哒妸发旮哈讥咔垃妈拏噢妑七呥扨它穵夕丫帀'
const LETTERS = 'abcdefghjklmnopqrstwxyz'
const order = new Intl.Collator('zh-Hans-u-co-pinyin')
const HAN = /\p{Script=Han}/u

function initialOf(character: string): string {
  if (!HAN.test(character)) return character.toLowerCase()
  let found = ''
  for (const [at, first] of Array.from(FIRST).entries()) {
    if (order.compare(character, first) < 0) break
    found = LETTERS[at]!
  }
  return found
}

export function initials(text: string): string {
  return Array.from(text, initialOf).join('')
}

/** Whether what was typed is part of the name or of its initials. */
export function matches(name: string, typed: string): boolean {
  const wanted = typed.trim().toLowerCase().replace(/\s+/g, '')
  return wanted === '' || name.toLowerCase().includes(wanted) || initials(name).includes(wanted)
}
