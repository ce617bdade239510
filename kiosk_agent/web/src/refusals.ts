// Every code of KioskRefusal in plain words: what is the matter, and what to do now. A test compares the two lists.

export interface Words {
  title: string
  help: string
}

const DESK = '请到服务台，工作人员会帮您办理。'

export const refusals: Readonly<Record<string, Words>> = {
  'kiosk.patient_not_found': { title: '没有找到您的就诊档案', help: '第一次来院请先到服务台建档，再来签到。' },
  'kiosk.name_mismatch': { title: '证件与档案里的姓名不一致', help: DESK },
  'kiosk.document_invalid': { title: '这张证件无法使用', help: '请换一张有效证件，或到服务台办理。' },
  'kiosk.too_many_attempts': { title: '尝试次数太多', help: '请 15 分钟后再试，或到服务台办理。' },
  'kiosk.qr_invalid': { title: '这个二维码无效', help: '请在手机上重新打开签到码或就诊码，再扫一次。' },
  'kiosk.qr_expired': { title: '二维码已过期', help: '二维码每分钟更新一次，请在手机上刷新后再扫。' },
  'kiosk.qr_used': { title: '这个二维码已经用过', help: '请在手机上刷新二维码后再扫。' },
  'kiosk.session_ended': { title: '操作时间已到', help: '为保护您的隐私已自动退出，请重新刷身份证或扫码。' },
  'kiosk.too_early': { title: '还没到签到时间', help: '请临近就诊时间再来；几点开始签到，手机预约单上有写。' },
  'kiosk.too_late': { title: '已过签到时间', help: '请到分诊台，请护士为您重新安排。' },
  'kiosk.not_today': { title: '这个预约不是今天的', help: '请在预约当天来院签到。' },
  'kiosk.fee_due': { title: '请先缴纳挂号费', help: '点“缴费取号”用微信付，付好后自动取号；也可以到收费窗口缴费。' },
  'kiosk.pay_at_window': { title: '这笔费用请到窗口缴纳', help: '请到收费窗口缴费，再回来签到取号。' },
  'kiosk.not_paid': { title: '挂号费还没有支付', help: '请先在手机上完成支付，或到收费窗口缴费。' },
  'kiosk.appointment_cancelled': { title: '这个预约已经取消', help: '如需就诊，请重新预约或到服务台挂号。' },
  'kiosk.already_checked_in': { title: '您已经签到过了', help: '请到候诊区等候叫号。凭条遗失请到服务台补打。' },
  'kiosk.already_seen': { title: '这个预约已经就诊', help: '如需复诊，请咨询您的医生或服务台。' },
  'kiosk.appointment_not_found': { title: '没有找到这个预约', help: DESK },
  'kiosk.clinic_stopped': { title: '今天这个门诊临时停诊', help: '请到服务台改约或退号。' },
  'kiosk.online_visit': { title: '这是线上复诊，不用到院', help: '请在手机的预约里签到候诊，医生叫号后在手机上进入诊室。' },
  'kiosk.wrong_campus': { title: '预约的不是本院区', help: '请核对预约短信中的院区，前往该院区签到。' },
  'kiosk.card_needed': { title: '核验需要刷身份证', help: '请退出后重新刷本人身份证，再核验手机关联。' },
  'kiosk.link_unproven': { title: '这位就诊人还没有核验', help: '请刷本人身份证办理；刷证后可以核验手机关联，以后就能用就诊码。' },
  'kiosk.account_not_found': { title: '这个关联已经取消', help: '请在手机“就诊人”中重新添加，再来核验。' },
  'kiosk.payment_code_invalid': { title: '这个付款码不能用', help: '请打开微信“收付款”，对准扫码口。' },
  'kiosk.payment_code_expired': { title: '付款码过期了，没有扣款', help: '请刷新手机上的付款码，再扫一次。' },
  'kiosk.balance_too_low': { title: '余额不足，没有扣款', help: '请在手机上换一张银行卡，再扫一次付款码。' },
  'kiosk.payment_refused': { title: '这次没有付成，没有扣款', help: '请再扫一次付款码，或用手机扫左边的码。' },
  'kiosk.busy': { title: '现在办理的人较多', help: '请稍等片刻再试。' },
  'kiosk.no_appointment_today': { title: '今天没有您的预约', help: '请核对预约日期；需要挂号请到挂号窗口。' },
  'kiosk.unknown_code': { title: '认不出这个码', help: '请出示手机上的签到码或就诊码。' },
  'kiosk.card_unreadable': { title: '没有读到身份证', help: '请把身份证平放在读卡区，停留两秒再拿开。' },
  'kiosk.not_a_payment_code': { title: '这不是付款码', help: '请打开微信“收付款”，对准扫码口。' },
  'kiosk.payment_not_made': { title: '这次没有付成', help: '扣了的钱会自动退回，请再付一次。' },
  'kiosk.paid_no_number': { title: '挂号费已付，号还没取到', help: '钱已到账，不用再付。请再刷一次证件或二维码取号，或到服务台办理。' },
  'kiosk.outcome_unknown': { title: '签到结果没有确认', help: '请不要重复操作，到服务台请工作人员查看。' },
  'kiosk.unavailable': { title: '现在暂时办不了', help: '请稍后再试，或到服务台办理。' },
}

/** A newer server may refuse for a reason this page does not know: then its own words are shown. */
export function wordsFor(code: string | null, title = ''): Words {
  return refusals[code ?? ''] ?? { title: title || '现在办不了', help: DESK }
}
