import { describe, expect, it } from 'vitest'
import { initials, matches } from '../src/pinyin'

describe('initials', () => {
  it.each([
    ['骨科', 'gk'],
    ['心血管内科', 'xxgnk'],
    ['耳鼻咽喉头颈外科', 'ebyhtjwk'],
    ['24小时便民门诊', '24xsbmmz'],
    ['儿童保健科', 'etbjk'],
    ['肛肠科', 'gck'],
    ['眼科', 'yk'],
    ['中医科', 'zyk'],
    ['皮肤性病科', 'pfxbk'],
  ])('%s → %s', (name, letters) => expect(initials(name)).toBe(letters))
})

describe('matches', () => {
  it('takes a part of the name, of its initials, or nothing', () => {
    expect(['心血', 'XXG', ' g n k ', ''].map((typed) => matches('心血管内科', typed))).toEqual([true, true, true, true])
    expect(matches('骨科', 'xxg')).toBe(false)
  })
})
