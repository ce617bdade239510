// Where this phone is, on the map that the hospital uses (GCJ-02).
import { Problem } from '@hospital/kit'
import { wechatPlace } from '../wechat'

export interface Place {
  latitude: number
  longitude: number
  accuracy_m: number
}

const WAIT_MS = 15_000
const EARTH_M = 6_378_245
const FLATTENING = 0.006_693_421_622_965_943

const WORDS: Record<number, string> = {
  1: '没有定位权限：请在手机设置里允许使用位置，或改用屏幕上的签到码',
  2: '没有取到位置，请到开阔处重试，或改用屏幕上的签到码',
  3: '定位用时太长，请重试，或改用屏幕上的签到码',
}

const trouble = (title: string): Problem => new Problem({ type: 'about:blank', title, status: 0, code: 'client.no_place' })

/** WeChat's own answer is on that map already; a browser's is on the world's (WGS-84) and has to be moved. */
export async function locate(): Promise<Place> {
  const known = wechatPlace()
  if (known !== null) {
    return known.catch(() => {
      throw trouble(WORDS[1]!)
    })
  }
  if (!('geolocation' in navigator)) throw trouble('这部手机不能定位，请改用屏幕上的签到码')
  const found = await new Promise<GeolocationPosition>((resolve, reject) =>
    navigator.geolocation.getCurrentPosition(resolve, (error) => reject(trouble(WORDS[error.code] ?? WORDS[2]!)), {
      enableHighAccuracy: true,
      timeout: WAIT_MS,
      maximumAge: 0,
    }),
  )
  const { latitude, longitude, accuracy } = found.coords
  return { ...toGcj02(latitude, longitude), accuracy_m: accuracy }
}

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
