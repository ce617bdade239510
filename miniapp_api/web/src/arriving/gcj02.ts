const EARTH_M = 6_378_245
const FLATTENING = 0.006_693_421_622_965_943

/**
 * From the world's coordinates to those of Chinese maps; outside China they are the same.
 * Source: the published approximation of GB 20263's offset, good to a few metres.
 */
export function toGcj02(latitude: number, longitude: number): { latitude: number; longitude: number } {
  if (longitude < 72.004 || longitude > 137.8347 || latitude < 0.8293 || latitude > 55.8271) return { latitude, longitude }
  const x = longitude - 105
  const y = latitude - 35
  const wave = (20 * Math.sin(6 * x * Math.PI) + 20 * Math.sin(2 * x * Math.PI)) * (2 / 3)
  const north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * Math.sqrt(Math.abs(x)) + wave + ripples(y, 20, 40, 160, 320)
  const east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * Math.sqrt(Math.abs(x)) + wave + ripples(x, 20, 40, 150, 300)
  const phi = (latitude / 180) * Math.PI
  const squashed = 1 - FLATTENING * Math.sin(phi) ** 2
  const perDegree = Math.PI / 180
  return {
    latitude: latitude + north / (((EARTH_M * (1 - FLATTENING)) / (squashed * Math.sqrt(squashed))) * perDegree),
    longitude: longitude + east / ((EARTH_M / Math.sqrt(squashed)) * Math.cos(phi) * perDegree),
  }
}

function ripples(at: number, one: number, third: number, twelfth: number, thirtieth: number): number {
  const short = one * Math.sin(at * Math.PI) + third * Math.sin((at / 3) * Math.PI)
  return (short + twelfth * Math.sin((at / 12) * Math.PI) + thirtieth * Math.sin((at / 30) * Math.PI)) * (2 / 3)
}
