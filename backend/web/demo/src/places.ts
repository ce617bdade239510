// Where this demo's parties live and who may log in. The server that runs the demo says so; ports are free ones.
import { ApiClient } from '@hospital/kit'

export interface Login {
  role: string
  login: string
  name: string
  password: string
  /** Signing in also asks for a one-time code. */
  totp: boolean
}

export interface Places {
  hospital_name: string
  phone_url: string
  console_url: string
  display_url: string
  docs_url: string
  /** Null while no kiosk agent runs. It lives on its own port: a kiosk serves its own page. */
  kiosk_url: string | null
  wechat_url: string | null
  sms_url: string | null
  logins: Login[]
  /** Made-up people whose cards the kiosk's simulated reader can read. */
  patients: { name: string; document_no: string }[]
  now: { department_name: string; staff_name: string; room_name: string; area_name: string; campus_name: string }
}

export interface TotpCode {
  code: string
  expires_in: number
}

const api = new ApiClient()

export function loadPlaces(signal: AbortSignal): Promise<Places> {
  return api.request('GET', '/demo.json', { signal })
}

export function totpOf(login: string): Promise<TotpCode> {
  return api.request('GET', '/demo/totp', { query: { login } })
}

const ROLES: Record<string, string> = {
  doctor: '医生',
  nurse: '护士',
  registrar: '挂号员',
  cashier: '收费员',
  pharmacist: '药师',
  technician: '技师',
  manager: '物价管理员',
  system_admin: '系统管理员',
  security_admin: '安全管理员',
  audit_admin: '审计管理员',
}

export function roleName(role: string): string {
  return ROLES[role] ?? role
}

export type DeviceName = 'phone' | 'kiosk' | 'display' | 'console'

export interface Step {
  title: string
  hint: string
  on: DeviceName
}

/** The path of one visit, with the names of this very demo. */
export function stepsOf({ now }: Places): Step[] {
  return [
    { on: 'phone', title: '手机登录并预约', hint: `用演示患者，约「${now.department_name}」${now.staff_name}医生` },
    { on: 'phone', title: '支付', hint: '在模拟微信里确认支付，预约随即生效' },
    { on: 'kiosk', title: '自助机签到', hint: '打开「自助机外设」，刷这位就诊人的身份证' },
    { on: 'console', title: '候诊屏叫号', hint: `医生登录工作台，点「叫号」，候诊屏立即显示` },
    { on: 'console', title: '医生接诊', hint: '患者进诊室后点「开始接诊」，看完点「结束接诊」' },
    { on: 'phone', title: '离开', hint: '手机上的预约变为「已就诊」' },
  ]
}
