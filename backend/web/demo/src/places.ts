// Where this demo's parties live and who may log in. The server that runs the demo says so; ports are free ones.
import { ApiClient, type components } from '@hospital/kit'

type Schemas = components['schemas']
export type Login = Schemas['DemoLoginView']
export type Places = Schemas['DemoFacts']

const api = new ApiClient()

export const loadPlaces = (signal: AbortSignal) => api.call('GET', '/demo.json', { signal })

export const totpOf = (login: string) => api.call('GET', '/demo/totp', { query: { login } })

export const ROLES: Record<Login['role'], string> = {
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

export type DeviceName = 'phone' | 'kiosk' | 'display' | 'console'

export interface Step {
  title: string
  hint: string
  on: DeviceName
}

/** The path of one visit, with the names of this very demo. */
export function stepsOf({ now, phone_user: user }: Places): Step[] {
  const who = user === null ? '用演示患者' : `微信选「${user}」`
  return [
    { on: 'phone', title: '手机登录并预约', hint: `${who}，约${now.department_name}${now.staff_name}医生` },
    { on: 'phone', title: '支付', hint: '在模拟微信里确认支付，预约随即生效' },
    { on: 'kiosk', title: '自助机签到', hint: '打开「自助机外设」，刷这位就诊人的身份证' },
    { on: 'console', title: '候诊屏叫号', hint: `医生登录工作台，点「叫号」，候诊屏立即显示` },
    { on: 'console', title: '医生接诊', hint: '患者进诊室后点「开始接诊」，看完点「结束接诊」' },
    { on: 'phone', title: '离开', hint: '手机上的预约变为「已就诊」' },
  ]
}
