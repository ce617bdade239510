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
    items: [{ name: 'money', to: '/money', title: '待处理款项', icon: 'inbox', needs: 'refund.request' }],
  },
  {
    title: '排班',
    items: [
      { name: 'clinic-day', to: '/clinic-day', title: '出诊与停替诊', icon: 'calendar', needs: 'schedule.manage' },
      { name: 'guide', to: '/guide', title: '检索词与导诊', icon: 'search', needs: 'guide.manage' },
      { name: 'booking-rules', to: '/booking-rules', title: '预约规则', icon: 'check', needs: 'schedule.manage' },
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
