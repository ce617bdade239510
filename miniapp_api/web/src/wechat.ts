// Ways out to WeChat's sheets and back: the page leaves, so what must be remembered is written down before.
import { newKey, Problem } from '@hospital/kit'
import { shallowRef } from 'vue'
import type { Entry, PaymentStarted } from './model'
import { front } from './session'

const entry = shallowRef<Entry | null>(null)
let asking: Promise<Entry> | null = null
export const knownEntry = entry

export function loadEntry(): Promise<Entry> {
  if (entry.value !== null) return Promise.resolve(entry.value)
  asking ??= front
    .call('GET', '/entry')
    .then((answer) => (entry.value = answer))
    .finally(() => (asking = null))
  return asking
}

const ERRAND = 'hospital.phone.errand'

interface Errand {
  state: string
  back: string
}

const ours = (path: string): string => `${location.origin}/phone${path}`

function onlyInWechat(): Problem {
  return new Problem({ type: 'about:blank', title: '请在微信小程序中打开', status: 0, code: 'client.only_in_wechat' })
}

/** The state comes back with the code: a code that somebody else slipped in has another. */
function beginErrand(back: string): string {
  const errand: Errand = { state: newKey(), back }
  sessionStorage.setItem(ERRAND, JSON.stringify(errand))
  return errand.state
}

/** Where to go on, or null when this return was not asked for by this page. */
export function endErrand(state: unknown): string | null {
  const errand = JSON.parse(sessionStorage.getItem(ERRAND) ?? 'null') as Errand | null
  sessionStorage.removeItem(ERRAND)
  return errand !== null && errand.state === state ? errand.back : null
}

export async function goToLogIn(back: string): Promise<void> {
  const { login_url } = await loadEntry()
  if (login_url === null) throw onlyInWechat()
  const sheet = new URL(login_url)
  if (!sheet.searchParams.has('scope')) sheet.searchParams.set('scope', 'phone')
  leave(sheet, '/login', beginErrand(back))
}

export async function goToPhoneNumber(back: string): Promise<void> {
  const { login_url } = await loadEntry()
  if (login_url === null) throw onlyInWechat()
  const sheet = new URL('authorize', login_url)
  sheet.searchParams.set('scope', 'phone')
  leave(sheet, '/phone-number', beginErrand(back))
}

/** WeChat asks about three templates at a time (requestSubscribeMessage). */
export const ASKED_AT_ONCE = 3

export async function goToSubscribe(templateIds: string[], back: string): Promise<void> {
  const { login_url } = await loadEntry()
  if (login_url === null) throw onlyInWechat()
  const sheet = new URL('authorize', login_url)
  sheet.searchParams.set('scope', 'subscribe')
  sheet.searchParams.set('template_ids', templateIds.slice(0, ASKED_AT_ONCE).join(','))
  leave(sheet, back, beginErrand(back))
}

function leave(sheet: URL, back: string, state: string): void {
  sheet.searchParams.set('redirect_uri', ours(back))
  sheet.searchParams.set('state', state)
  location.assign(sheet)
}

/** Leaves for the payment sheet; it comes back with `wechat_pay=ok|cancel`, which proves nothing. */
export async function goToPay(back: string, payment: PaymentStarted): Promise<void> {
  const { pay_url } = await loadEntry()
  if (pay_url === null) throw onlyInWechat()
  const sheet = new URL(pay_url)
  sheet.searchParams.set('prepay_id', payment.wechat.package.replace(/^prepay_id=/, ''))
  for (const [name, value] of Object.entries(payment.wechat)) sheet.searchParams.set(name, value)
  sheet.searchParams.set('redirect', ours(back))
  location.assign(sheet)
}

/** What WeChat's shell lends to its pages (wx.scanCode, wx.getLocation); a plain browser has none of it. */
interface WechatShell {
  scanCode?(ask: { onlyFromCamera: boolean; scanType: string[]; success(found: { result: string }): void; fail(): void }): void
  getLocation?(ask: {
    type: 'gcj02'
    isHighAccuracy: boolean
    success(found: { latitude: number; longitude: number; accuracy: number }): void
    fail(error: { errMsg: string }): void
  }): void
}

declare global {
  interface Window {
    wx?: WechatShell
  }
}

export const canScan = (): boolean => window.wx?.scanCode !== undefined

/** What the camera read, or null when the person turned back. Only the camera: a picture from the album is not a place. */
export function scanCode(): Promise<string | null> {
  return new Promise((resolve) => {
    if (window.wx?.scanCode === undefined) return resolve(null)
    window.wx.scanCode({ onlyFromCamera: true, scanType: ['qrCode'], success: ({ result }) => resolve(result), fail: () => resolve(null) })
  })
}

/** Where WeChat says the phone is, or null outside WeChat. */
export function wechatPlace(): Promise<{ latitude: number; longitude: number; accuracy_m: number }> | null {
  const shell = window.wx
  if (shell?.getLocation === undefined) return null
  return new Promise((resolve, reject) =>
    shell.getLocation!({
      type: 'gcj02',
      isHighAccuracy: true,
      success: ({ latitude, longitude, accuracy }) => resolve({ latitude, longitude, accuracy_m: accuracy }),
      fail: ({ errMsg }) => reject(new Error(errMsg)),
    }),
  )
}
