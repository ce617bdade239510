// Where this demo's four parties live. The server that runs the demo says so; ports are free ones.
import { ApiClient } from '@hospital/kit'

export interface Places {
  hospital_name: string
  phone_url: string
  console_url: string
  display_url: string
  /** Null while no kiosk agent runs. It lives on its own port: a kiosk serves its own page. */
  kiosk_url: string | null
}

const api = new ApiClient()

export function loadPlaces(signal: AbortSignal): Promise<Places> {
  return api.request<Places>('GET', '/demo.json', { signal })
}
