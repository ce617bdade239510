// What codes of the API are called on the screen.
import type {
  ActorKind,
  AllergySeverity,
  DepartmentKind,
  DeviceKind,
  DeviceStatus,
  DocumentKind,
  FeeCategory,
  LocationKind,
  MatchReason,
  MismatchKind,
  Priority,
  Profession,
  Relation,
  ServiceKind,
  Sex,
  StaffRole,
  TemporaryReason,
  TradeState,
} from './model'

export const SEX: Record<Sex, string> = { male: '男', female: '女', unknown: '未知' }

export const PRIORITY: Record<Priority, string> = { normal: '普通', elderly: '老年优先', soldier: '军人优先', emergency: '急诊' }

export const SERVICE: Record<ServiceKind, string> = {
  general: '普通',
  expert: '专家',
  special: '特需',
  disease: '专病',
  night: '夜诊',
  emergency: '急诊',
  examination: '检查',
  online: '线上复诊',
}

/** The fourteen categories of fees on a receipt (收费类别). */
export const FEE: Record<FeeCategory, string> = {
  registration: '挂号费',
  consultation: '诊察费',
  general_care: '一般诊疗费',
  examination: '检查费',
  laboratory: '化验费',
  treatment: '治疗费',
  surgery: '手术费',
  nursing: '护理费',
  bed: '床位费',
  material: '卫生材料费',
  western_drug: '西药费',
  patent_drug: '中成药费',
  herbal_drug: '中药饮片费',
  other: '其他费用',
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

export const SEVERITY: Record<AllergySeverity, string> = { mild: '轻度', moderate: '中度', severe: '重度' }

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

export const DEVICE_STATUS: Record<DeviceStatus, string> = { pending: '待审核', active: '使用中', revoked: '已吊销' }

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

export const ACTOR: Record<ActorKind, string> = {
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
  'care_relations.look_up_patient': '紧急调阅查找',
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
  'examinations.book_examination': '预约检查',
  'examinations.join_examination': '并入检查预约',
  'examinations.cancel_examination': '取消检查预约',
  'examinations.save_examination_item': '维护检查项目',
  'organization.save_department': '维护科室',
  'organization.save_location': '维护地点',
  'patients.complete_temporary_file': '补全临时档案',
  'patients.find_or_create_patient': '建立档案',
  'patients.inactivate_allergy': '过敏记为既往',
  'patients.merge_patients': '合并档案',
  'patients.unmerge_patients': '撤销合并',
  'patients.reactivate_allergy': '恢复过敏提示',
  'patients.dismiss_duplicate': '排除疑似重复',
  'patients.read': '查看患者档案',
  'patients.read_duplicates': '查看疑似重复档案',
  'payments.retry_refund': '重新退款',
  'payments.settle_mismatch': '登记款项处理结果',
  'patients.read_merged': '查看已并入的档案',
  'patients.record_allergy': '登记过敏史',
  'patients.search': '检索患者',
  'patients.strike_allergy': '撤下有误的过敏',
  'queueing.call_next': '叫号',
  'queueing.check_in': '签到',
  'queueing.pass_ticket': '过号',
  'queueing.read_queue': '查看候诊队列',
  'queueing.recall': '重呼',
  'queueing.register_and_check_in': '现场挂号',
  'queueing.return_ticket': '召回',
  'reconciliation.approve_disposal': '复核对账差异',
  'reconciliation.propose_disposal': '提出差异处理',
  'reconciliation.reconcile_day': '重新对账',
  'reconciliation.reject_disposal': '退回差异处理',
  'scheduling.book_appointment': '预约',
  'scheduling.cancel_appointment': '取消预约',
  'staff.begin_session': '登录',
  'staff.end_session': '退出登录',
  'staff.change_roles': '变更角色',
  'staff.disable_account': '停用账号',
  'staff.enable_account': '启用账号',
  'staff.replace_password': '修改密码',
  'staff.hire_staff': '登记入职',
  'staff.open_account': '开通账号',
  'staff.reset_totp': '重置动态口令',
}

/** What the patient is to the account's holder. */
export const RELATION: Record<Relation, string> = { self: '本人', child: '子女', parent: '父母', spouse: '配偶', other: '其他' }

export const MATCH: Record<MatchReason, string> = {
  name_birth_sex: '姓名、性别、出生日期相同',
  name_phone: '姓名、电话相同',
  same_document: '登记了同一个证件号码',
}

/** Code systems that `hospital import` and the demonstration bring; others are shown by their own name. */
export const CODE_SYSTEM: Record<string, string> = {
  icd10: '疾病诊断 ICD-10',
  icd9cm3: '手术操作 ICD-9-CM-3',
  'icd10-demo': '常见诊断（演示）',
}

export interface Trouble {
  what: string
  todo: string
}

const REFUND_TROUBLE: Record<string, Trouble> = {
  ABNORMAL: {
    what: '退款未到账：付款的银行卡或零钱账户收不了款',
    todo: '联系患者取得本人银行卡号，点「改退银行卡」',
  },
  CLOSED: { what: '渠道已关闭这笔退款', todo: '先在商户平台核对，确认未退后重新退款' },
  NOT_ENOUGH: { what: '商户账户余额不足', todo: '充值后重新退款' },
  USER_ACCOUNT_ABNORMAL: { what: '付款人的账户已注销或异常', todo: '联系患者，经商户平台退到其他账户后查询结果' },
  NO_RESULT: { what: '提交一周后渠道仍没有结果', todo: '先查询结果；仍无结果时在商户平台核对' },
}

/** What the channel's word for a failed refund means, and what is to be done. */
export function refundTrouble(code: string | null): Trouble {
  if (code === null) return { what: '退款异常，渠道未说明原因', todo: '先查询结果，再决定是否重新退款' }
  return REFUND_TROUBLE[code] ?? { what: `渠道拒绝退款（${code}）`, todo: '按渠道代码在商户平台查明原因后重新退款' }
}

export const MISMATCH: Record<MismatchKind, Trouble> = {
  mismatch_order: { what: '收到没有对应订单的付款', todo: '在商户平台按渠道单号查明，退回付款人后登记' },
  mismatch_amount: { what: '付款金额与订单不符', todo: '与患者核对，在商户平台退回后请其重新支付，并登记' },
  mismatch_currency: { what: '付款币种不是人民币', todo: '在商户平台退回，并登记' },
  mismatch_merchant: { what: '付款进入了另一个商户号', todo: '请财务核对商户号设置，查明后登记' },
  mismatch_app: { what: '付款来自另一个应用', todo: '请信息科核对应用设置，查明后登记' },
  mismatch_payer: { what: '付款人不是下单的人', todo: '与患者核对付款人，在商户平台退回后登记' },
  mismatch_transaction: { what: '同一订单收到了另一笔付款', todo: '在商户平台退回多收的一笔，并登记' },
  no_answer: { what: '渠道一直没有说明是否付款', todo: '按支付单号在商户平台查明；渠道恢复后重新查单即入账或关闭' },
}

export const TRADE: Record<TradeState, string> = {
  NOTPAY: '未支付',
  USERPAYING: '支付中',
  SUCCESS: '已支付',
  REFUND: '已转入退款',
  CLOSED: '已关闭',
  REVOKED: '已撤销',
  PAYERROR: '支付失败',
  ABSENT: '没有这个订单',
}
