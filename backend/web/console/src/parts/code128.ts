// Code 128 B for the slip: widths of bars and gaps, symbol after symbol.

/** Six widths per symbol, values 0–105. */
const SYMBOLS =
  '212222222122222221121223121322131222122213122312132212221213221312231212112232122132122231113222123122123221' +
  '223211221132221231213212223112312131311222321122321221312212322112322211212123212321232121111323131123131321' +
  '112313132113132311211313231113231311112133112331132131113123113321133121313121211331231131213113213311213131' +
  '311123311321331121312113312311332111314111221411431111111224111422121124121421141122141221112214112412122114' +
  '122411142112142211241211221114413111241112134111111242121142121241114212124112124211411212421112421211212141' +
  '214121412121111143111341131141114113114311411113411311113141114131311141411131211412211214211232'
const START_B = 104
const STOP = '2331112'

const symbol = (value: number): string => SYMBOLS.slice(value * 6, value * 6 + 6)

/** Widths of the whole code, bar first. Throws for what set B cannot write. */
export function code128(text: string): number[] {
  const values = Array.from(text, (letter) => letter.charCodeAt(0) - 32)
  if (values.some((value) => value < 0 || value > 94)) throw new RangeError('not printable ASCII')
  const check = values.reduce((sum, value, index) => sum + value * (index + 1), START_B) % 103
  const written = [START_B, ...values, check].map(symbol).join('') + STOP
  return Array.from(written, Number)
}

/** The bars as one SVG path in modules, ten high, with the quiet zone of ten on both sides. */
export function bars(text: string): { path: string; width: number } {
  let x = 10
  let path = ''
  code128(text).forEach((width, index) => {
    if (index % 2 === 0) path += `M${x} 0h${width}v10h-${width}z`
    x += width
  })
  return { path, width: x + 10 }
}
