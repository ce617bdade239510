import { describe, expect, it } from 'vitest'
import { Problem } from '../src/api'
import { useSubmit } from '../src/composables'

const answered = (status: number): Problem => new Problem({ type: 'about:blank', title: '', status, code: `http.${status}` })

/** Keys of two presses on the same button, the first of which ended like this. */
async function keysAfter(problem: Problem, inputs: [string, string] = ['same', 'same']): Promise<string[]> {
  const keys: string[] = []
  const submit = useSubmit((_input: string, key: string) => {
    keys.push(key)
    return keys.length === 1 ? Promise.reject(problem) : Promise.resolve('done')
  })
  for (const input of inputs) await submit.run(input)
  return keys
}

describe('one act under one key', () => {
  it.each([
    ['no answer', Problem.client('client.network')],
    ['no answer in time', Problem.client('client.timeout')],
    ['no network', Problem.client('client.offline')],
    ['half an answer', new Problem({ type: 'about:blank', title: '', status: 201, code: 'client.malformed' })],
    ['a broken server', answered(500)],
    ['signed out', answered(401)],
    ['too slow', answered(408)],
    ['too many at once', answered(429)],
  ])('is pressed again under the same key after %s', async (_, problem) => {
    const [first, second] = await keysAfter(problem)
    expect(second).toBe(first)
  })

  it.each([403, 404, 409, 422])('begins anew after the decision %d', async (status) => {
    const [first, second] = await keysAfter(answered(status))
    expect(second).not.toBe(first)
  })

  it('begins anew with another input', async () => {
    const [first, second] = await keysAfter(Problem.client('client.network'), ['one', 'two'])
    expect(second).not.toBe(first)
  })

  it('takes a second press while the first is under way for the same', async () => {
    let calls = 0
    const submit = useSubmit(() => Promise.resolve(++calls))
    expect(await Promise.all([submit.run(null), submit.run(null)])).toEqual([1, undefined])
  })
})
