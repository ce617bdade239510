import { describe, expect, it } from 'vitest'
import { checkCharacter, readDocument } from '../src/documents'

const TODAY = '2026-11-23'

describe('readDocument', () => {
  it('reads birth date and sex out of a citizen number', () => {
    const read = readDocument('national_id', ' 11010519491231002x ', TODAY)
    expect(read).toEqual({ number: '11010519491231002X', problem: null, isComplete: true, birthDate: '1949-12-31', sex: 'female' })
  })
  it('takes a household book by the same number', () => {
    expect(readDocument('household_book', '11010519491231002X', TODAY).isComplete).toBe(true)
  })
  it('names the wrong check character', () => {
    expect(readDocument('national_id', '110105194912310021', TODAY).problem).toBe('校验位不符，请逐位核对')
  })
  it('counts what is still to be typed', () => {
    expect(readDocument('national_id', '1101051949', TODAY).problem).toBe('还差 8 位')
  })
  it('refuses a birth date that does not exist, or is still to come', () => {
    for (const born of ['20230230', '20300101']) {
      const digits = `110105${born}123`
      expect(readDocument('national_id', digits + checkCharacter(digits), TODAY).problem).toBe('其中的出生日期有误，请核对')
    }
  })
  it.each([
    ['hk_macao_permit', 'h12345678', 'H1234567'],
    ['taiwan_permit', '12345678', '1234567'],
    ['passport', 'E 1234-5678', 'EEEEEE'],
    ['birth_certificate', 'P110123456', '1101234567'],
    ['foreigner_residence', 'FRA310012345678', '812345'],
  ] as const)('%s: takes %s, refuses %s', (kind, good, bad) => {
    expect(readDocument(kind, good, TODAY)).toMatchObject({ problem: null, isComplete: true })
    expect(readDocument(kind, bad, TODAY).problem).not.toBeNull()
  })
  it('says nothing about an empty field', () => {
    expect(readDocument('passport', '  ', TODAY)).toMatchObject({ problem: null, isComplete: false })
  })
})
