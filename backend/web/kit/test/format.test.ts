import { describe, expect, it } from 'vitest'
import * as f from '../src/format'

describe('money', () => {
  it.each([
    [0, '¥0.00'],
    [5, '¥0.05'],
    [1200, '¥12.00'],
    [12345678, '¥123,456.78'],
    [-250, '-¥2.50'],
    [Number.MAX_SAFE_INTEGER, '¥90,071,992,547,409.91'],
  ])('%d fen is %s', (fen, text) => expect(f.yuan(fen)).toBe(text))

  it('refuses what is no whole number of fen', () => {
    expect(() => f.yuan(12.5)).toThrow(RangeError)
    expect(() => f.yuan(Number.NaN)).toThrow(RangeError)
  })
})

describe('times in Shanghai', () => {
  it('crosses midnight with the zone, not with the device', () => {
    expect(f.formatDateTime('2026-03-04T16:30:05Z')).toBe('2026-03-05 00:30')
    expect(f.formatClock('2026-03-04T16:30:05Z')).toBe('00:30:05')
    expect(f.formatDay('2026-03-04T16:30:05Z')).toBe('3月5日 周四')
  })

  it('names the part of the day by the place, not by its session', () => {
    const at = (clock: string) => ({ starts_at: `2026-03-05T${clock}:00+08:00` })
    expect(f.byPartOfDay(['11:50', '16:00', '17:59', '18:00', '19:30'].map(at))).toEqual([
      { part: '上午', places: [at('11:50')] },
      { part: '下午', places: [at('16:00'), at('17:59')] },
      { part: '晚上', places: [at('18:00'), at('19:30')] },
    ])
    expect(f.partOfDay('2026-03-04T16:30:05Z')).toBe('凌晨')
    expect(f.byPartOfDay([])).toEqual([])
  })

  it('leaves a calendar date alone', () => {
    expect(f.formatDay('2026-03-05')).toBe('3月5日 周四')
    expect(f.weekday('2028-02-29')).toBe('周二')
  })

  it.each([
    ['2026-03-05', '今天'],
    ['2026-03-06', '明天'],
    ['2026-03-07', '后天'],
    ['2026-03-04', '昨天'],
    ['2026-03-08', '3月8日 周日'],
  ])('%s is %s', (day, words) => expect(f.relativeDay(day, '2026-03-04T16:00:00Z')).toBe(words))

  it('counts down and waits in words', () => {
    expect(f.formatCountdown(599_001)).toBe('10:00')
    expect(f.formatCountdown(3_723_000)).toBe('1:02:03')
    expect(f.formatCountdown(-5)).toBe('00:00')
    expect(f.formatWait(0)).toBe('马上')
    expect(f.formatWait(35)).toBe('约 35 分钟')
    expect(f.formatWait(81)).toBe('约 1 小时 20 分')
    expect(f.formatWait(119)).toBe('约 2 小时')
  })

  it.each([
    ['2026-03-02', '3天'],
    ['2025-07-06', '7月龄'],
    ['1990-03-06', '35岁'],
    ['1990-03-05', '36岁'],
  ])('born %s is %s', (born, age) => expect(f.formatAge(born, '2026-03-05T02:00:00Z')).toBe(age))
})

describe('masks', () => {
  it.each([
    ['张三丰', '张*丰'],
    ['李雷', '李*'],
    ['欧阳雪', '欧阳*'],
    ['欧阳小雪', '欧阳*雪'],
    ['单于', '单*'],
    ['王', '王*'],
    ['阿卜杜拉·买买提', '阿******提'],
    ['John Smith', 'J***'],
    ['', ''],
  ])('%s is shown as %s', (name, masked) => expect(f.maskName(name)).toBe(masked))

  it('hides the middle of numbers', () => {
    expect(f.maskIdNumber('11010119900307002X')).toBe('110***********002X')
    expect(f.maskPhone('13812345678')).toBe('138****5678')
    expect(f.maskIdNumber('123')).toBe('***')
  })
})
