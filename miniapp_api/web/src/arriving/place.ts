// Where this phone is, on the map that the hospital uses (GCJ-02).
import { Problem } from '@hospital/kit'
import { wechatPlace } from '../wechat'
import { toGcj02 } from './gcj02'

export interface Place {
  latitude: number
  longitude: number
  accuracy_m: number
}

const WAIT_MS = 15_000

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
