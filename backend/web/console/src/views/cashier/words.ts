// What codes of money are called at the window.
import type { Arrival, JournalKind, LedgerAccount, PaymentChannel, ReceiptKind, RefundStatus } from '../../model'
import { FEE } from '../../words'

export const CHANNEL: Record<PaymentChannel, string> = {
  wechat_jsapi: '微信（手机）',
  wechat_native: '微信收款码',
  wechat_codepay: '微信付款码',
  cash: '现金',
  bank_card: '银行卡',
  card_balance: '预存款',
  insurance: '医保',
}

export const RECEIPT: Record<ReceiptKind, string> = { payment: '收费', refund: '退费', top_up: '预存' }

export const ARRIVAL: Record<Arrival, string> = {
  at_once: '立即退回',
  at_window: '需窗口退付',
  by_channel: '微信原路退回',
}

export const REFUND: Record<RefundStatus, string> = {
  requested: '已提交',
  processing: '渠道处理中',
  succeeded: '已退款',
  abnormal: '退款异常',
}

/** What a charge comes from; kinds that later rooms bring are shown as 费用. */
export function sourceName(kind: string): string {
  return ({ appointment: '挂号', order: '检查检验', prescription: '处方', treatment: '治疗' } as Record<string, string>)[kind] ?? '费用'
}

export const ACCOUNT: Record<LedgerAccount, string> = {
  patient_receivable: '应收医疗款',
  patient_card: '患者预存款',
  refund_payable: '应退款',
  unapplied_receipts: '待退误收款',
  wechat_clearing: '微信待清算',
  bank_card_clearing: '银行卡待清算',
  insurance_clearing: '医保待清算',
  channel_fees: '渠道手续费',
  bank: '银行存款',
  cash_drawer: '库存现金',
  cash_difference: '现金长短款',
  rounding: '分币尾差',
  revenue_registration: FEE.registration,
  revenue_consultation: FEE.consultation,
  revenue_general_care: FEE.general_care,
  revenue_examination: FEE.examination,
  revenue_laboratory: FEE.laboratory,
  revenue_treatment: FEE.treatment,
  revenue_surgery: FEE.surgery,
  revenue_nursing: FEE.nursing,
  revenue_bed: FEE.bed,
  revenue_material: FEE.material,
  revenue_western_drug: FEE.western_drug,
  revenue_patent_drug: FEE.patent_drug,
  revenue_herbal_drug: FEE.herbal_drug,
  revenue_other: FEE.other,
}

export const JOURNAL: Record<JournalKind, string> = {
  invoiced: '结算',
  invoice_reversed: '撤销结算',
  payment_applied: '收款',
  payment_surplus: '多收款',
  refund_promised: '应退',
  refund_paid: '退款',
  card_topped_up: '预存',
  shift_closed: '长短款',
  cash_deposited: '备用金与缴款',
  channel_settled: '渠道清算',
  correction: '红字更正',
}
