// What codes of the API are called on the screen.
import type {
  DepartmentKind,
  Device,
  DeviceKind,
  DocumentKind,
  LocationKind,
  Priority,
  Profession,
  Schedule,
  Sex,
  StaffRole,
  TemporaryReason,
} from './model'

export const SEX: Record<Sex, string> = { male: '男', female: '女', unknown: '未知' }

export const PRIORITY: Record<Priority, string> = { normal: '普通', elderly: '老年优先', soldier: '军人优先', emergency: '急诊' }

export const SERVICE: Record<Schedule['service_kind'], string> = {
  general: '普通',
  expert: '专家',
  special: '特需',
  disease: '专病',
  night: '夜诊',
  emergency: '急诊',
}

export const DOCUMENT: Record<DocumentKind, string> = {
  national_id: '居民身份证',
  household_book: '户口簿',
  passport: '护照',
  hk_macao_permit: '港澳居民来往内地通行证',
  taiwan_permit: '台湾居民来往大陆通行证',
  foreigner_residence: '外国人永久居留身份证',
  birth_certificate: '出生医学证明',
  none_yet: '暂无证件',
}

export const TEMPORARY: Record<TemporaryReason, string> = {
  newborn: '新生儿',
  unconscious: '意识不清',
  foreigner: '境外人员',
  other: '其他',
}

export const SEVERITY = { mild: '轻度', moderate: '中度', severe: '重度' } as const

export const ROLE: Record<StaffRole, string> = {
  doctor: '医生',
  nurse: '护士',
  registrar: '挂号员',
  cashier: '收费员',
  pharmacist: '药师',
  technician: '技师',
  manager: '业务管理',
  system_admin: '系统管理员',
  security_admin: '安全管理员',
  audit_admin: '审计管理员',
}

export const PROFESSION: Record<Profession, string> = {
  doctor: '医师',
  nurse: '护士',
  pharmacist: '药师',
  technician: '技师',
  administrative: '行政',
}

export const DEVICE: Record<DeviceKind, string> = { kiosk: '自助机', display: '候诊屏', pda: '移动终端' }

export const DEVICE_STATUS: Record<Device['status'], string> = { pending: '待审核', active: '使用中', revoked: '已吊销' }

export const DEPARTMENT: Record<DepartmentKind, string> = {
  outpatient: '门诊',
  emergency: '急诊',
  ward: '病区',
  medical_technology: '医技',
  pharmacy: '药房',
  administration: '行政',
}

export const PLACE: Record<LocationKind, string> = {
  waiting_area: '候诊区',
  room: '诊室',
  window: '窗口',
  ward: '病区',
  lobby: '大厅',
}

export const ACTOR: Record<string, string> = {
  staff: '职工',
  account: '患者账号',
  device: '设备',
  kiosk_session: '自助机会话',
  system: '系统',
  anonymous: '未登录',
}

/** Entries of a dictionary as choices of a list. */
export function choices<K extends string>(words: Record<K, string>): { value: K; label: string }[] {
  return (Object.keys(words) as K[]).map((value) => ({ value, label: words[value] }))
}

export const OUTCOME: Record<string, string> = { success: '成功', refused: '被拒绝' }

/** What is done most; the rest is shown by its code. */
export const ACTION: Record<string, string> = {
  'audit.search': '检索审计记录',
  'break_glass.read': '查看紧急授权',
  'care_relations.break_glass': '紧急授权',
  'care_relations.review_break_glass': '复核紧急授权',
  'catalogue.change_price': '调价',
  'catalogue.save_price_item': '维护收费项目',
  'devices.approve_device': '审核设备',
  'devices.create_enrolment': '生成设备注册码',
  'devices.enrol_device': '设备注册',
  'devices.pair_device': '配对屏幕',
  'devices.revoke_device': '吊销设备',
  'encounters.start_encounter': '开始接诊',
  'encounters.finish_encounter': '结束接诊',
  'kernel.release_parked': '重新投递事件',
  'kernel.sweep_kernel': '系统清理',
  'organization.save_department': '维护科室',
  'organization.save_location': '维护地点',
  'patients.find_or_create_patient': '建立档案',
  'patients.merge_patients': '合并档案',
  'patients.unmerge_patients': '撤销合并',
  'patients.read': '查看患者档案',
  'patients.search': '检索患者',
  'queueing.call_next': '叫号',
  'queueing.check_in': '签到',
  'queueing.pass_ticket': '过号',
  'queueing.read_queue': '查看候诊队列',
  'queueing.recall': '重呼',
  'queueing.register_and_check_in': '现场挂号',
  'queueing.return_ticket': '召回',
  'scheduling.book_appointment': '预约',
  'scheduling.cancel_appointment': '取消预约',
  'staff.begin_session': '登录',
  'staff.end_session': '退出登录',
  'staff.change_roles': '变更角色',
  'staff.disable_account': '停用账号',
  'staff.hire_staff': '登记入职',
  'staff.open_account': '开通账号',
  'staff.reset_totp': '重置动态口令',
}

/** What the patient is to the account's holder. */
export const RELATION = { self: '本人', child: '子女', parent: '父母', spouse: '配偶', other: '其他' } as const
