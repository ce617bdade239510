import { describe, expect, it } from 'vitest'
import { isIdNumber, isPaymentCode } from '../src/codes'

describe('eighteen digits', () => {
  it('knows an identity number by its day and its check digit', () => {
    expect(['110101199003070134', '13010219520304002X', '13010219520304002x', '150102196908120036'].map(isIdNumber)).toEqual([true, true, true, true])
    expect(['110101199003070135', '110101199002300137', '11010119900307013', '110101899003070134'].map(isIdNumber)).toEqual([false, false, false, false])
  })

  it('takes no identity number for a payment code', () => {
    expect(['134567890123456781', '100000000000000000', '159999999999999999'].map(isPaymentCode)).toEqual([true, true, true])
    expect(['110101199003070134', '150102196908120036'].map(isPaymentCode)).toEqual([false, false])
    expect(['164567890123456781', '13456789012345678', 'P1.1345678901234'].map(isPaymentCode)).toEqual([false, false, false])
  })
})
