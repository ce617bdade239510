// Element Plus calls made from script bring no styles with them; take them from here, not from the library.
import 'element-plus/es/components/message/style/css'
import 'element-plus/es/components/message-box/style/css'
import { ElMessage, ElMessageBox } from 'element-plus'
import type { Problem } from '@hospital/kit'

export function say(text: string): void {
  ElMessage({ message: text, type: 'success', grouping: true })
}

/** A fact that is no failure: nobody waits, nothing changed. */
export function sayNote(text: string): void {
  ElMessage({ message: text, type: 'info', grouping: true })
}

export function sayProblem(problem: Problem): void {
  const words = problem.detail === undefined ? problem.title : `${problem.title}：${problem.detail}`
  ElMessage({ message: words, type: 'error', grouping: true, showClose: true, duration: 6_000 })
}

/** True when the person agrees. The verb is on the button: 「取消预约」, never 「确定」. */
export async function confirm(question: string, verb: string): Promise<boolean> {
  try {
    await ElMessageBox.confirm(question, verb, { confirmButtonText: verb, cancelButtonText: '返回', type: 'warning' })
    return true
  } catch (action) {
    if (action === 'cancel' || action === 'close') return false
    throw action
  }
}
