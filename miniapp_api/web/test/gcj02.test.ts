import { describe, expect, it } from 'vitest'
import { toGcj02 } from '../src/arriving/gcj02'

describe('the map of China', () => {
  it('moves a point as the published approximation does', () => {
    const moved = toGcj02(39.915, 116.404)
    expect(moved.latitude).toBeCloseTo(39.91640428150164, 8)
    expect(moved.longitude).toBeCloseTo(116.41024449916938, 8)
  })
  it('leaves the rest of the world alone', () => {
    expect(toGcj02(51.5, -0.12)).toEqual({ latitude: 51.5, longitude: -0.12 })
  })
})
