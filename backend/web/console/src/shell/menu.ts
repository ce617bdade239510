import type { IconName } from '@hospital/kit'
import type { Permission } from '../model'

export interface MenuItem {
  name: string
  to: string
  title: string
  icon: IconName
  /** Shown to who may do this. */
  needs: Permission
}

export interface MenuGroup {
  title: string
  items: readonly MenuItem[]
}

/** One line per room of the console, in the order a working day meets them. */
export const menu: readonly MenuGroup[] = [
  {
    title: '运行',
    items: [{ name: 'board', to: '/board', title: '今日看板', icon: 'chart', needs: 'board.read' }],
  },
  {
    title: '门诊',
    items: [
      { name: 'queue', to: '/queue', title: '今日队列', icon: 'queue', needs: 'queue.call' },
      { name: 'emergency', to: '/emergency', title: '紧急调阅', icon: 'scan', needs: 'break_glass.open' },
    ],
  },
  {
    title: '挂号',
    items: [
      { name: 'patients', to: '/patients', title: '患者与挂号', icon: 'idcard', needs: 'patient.search' },
      { name: 'duplicates', to: '/duplicates', title: '疑似重复档案', icon: 'people', needs: 'patient.merge' },
    ],
  },
  {
    title: '收费',
    items: [
      { name: 'cash', to: '/cash', title: '窗口收费', icon: 'wallet', needs: 'cash.take' },
      { name: 'pay-outs', to: '/pay-outs', title: '待退付', icon: 'refund', needs: 'cash.desk' },
      { name: 'receipts', to: '/receipts', title: '收据', icon: 'receipt', needs: 'cash.desk' },
      { name: 'shift', to: '/shift', title: '我的班次', icon: 'clock', needs: 'cash.take' },
      { name: 'day-end', to: '/day-end', title: '日结', icon: 'check', needs: 'day.close' },
      { name: 'e-invoices', to: '/e-invoices', title: '电子票据', icon: 'report', needs: 'e_invoice.manage' },
      { name: 'reconcile', to: '/reconcile', title: '对账', icon: 'scales', needs: 'reconcile.propose' },
      { name: 'money', to: '/money', title: '待处理款项', icon: 'inbox', needs: 'refund.request' },
    ],
  },
  {
    title: '排班',
    items: [
      { name: 'clinic-day', to: '/clinic-day', title: '出诊与停替诊', icon: 'calendar', needs: 'schedule.manage' },
      { name: 'templates', to: '/templates', title: '出诊模板', icon: 'grid', needs: 'schedule.manage' },
      { name: 'examination-items', to: '/examination-items', title: '检查项目', icon: 'report', needs: 'schedule.manage' },
      { name: 'release', to: '/release', title: '放号', icon: 'bell', needs: 'schedule.manage' },
      { name: 'calendar', to: '/calendar', title: '日历', icon: 'calendar', needs: 'schedule.manage' },
      { name: 'waitlist', to: '/waitlist', title: '候补', icon: 'people', needs: 'waitlist.read' },
      { name: 'bans', to: '/bans', title: '限约与申诉', icon: 'alert', needs: 'ban.manage' },
      { name: 'guide', to: '/guide', title: '检索词与导诊', icon: 'search', needs: 'guide.manage' },
      { name: 'booking-rules', to: '/booking-rules', title: '预约规则', icon: 'sliders', needs: 'schedule.manage' },
    ],
  },
  {
    title: '管理',
    items: [
      { name: 'staff', to: '/staff', title: '职工与角色', icon: 'people', needs: 'staff.read' },
      { name: 'devices', to: '/devices', title: '设备', icon: 'phone', needs: 'device.manage' },
      { name: 'places', to: '/places', title: '科室与地点', icon: 'map', needs: 'organization.manage' },
      { name: 'prices', to: '/prices', title: '价表', icon: 'wallet', needs: 'catalogue.read' },
      { name: 'concepts', to: '/concepts', title: '诊断编码', icon: 'stethoscope', needs: 'catalogue.read' },
      { name: 'parked', to: '/parked-events', title: '滞留事件', icon: 'inbox', needs: 'parked.release' },
    ],
  },
  {
    title: '监督',
    items: [
      { name: 'sent-messages', to: '/sent-messages', title: '消息发送记录', icon: 'bell', needs: 'message_log.read' },
      { name: 'break-glass', to: '/break-glass', title: '紧急授权复核', icon: 'alert', needs: 'break_glass.review' },
      { name: 'audit', to: '/audit', title: '审计检索', icon: 'report', needs: 'audit.read' },
    ],
  },
]

/** What a session sees of the menu; groups with nothing in them are left out. */
export function menuFor(permissions: ReadonlySet<Permission>): MenuGroup[] {
  return menu
    .map((group) => ({ ...group, items: group.items.filter((item) => permissions.has(item.needs)) }))
    .filter((group) => group.items.length > 0)
}
