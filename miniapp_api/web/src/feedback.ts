// Vant calls made from script bring no styles with them; take them from here, not from the library.
import 'vant/es/dialog/style'
import 'vant/es/toast/style'
import { showConfirmDialog, showToast } from 'vant'
import type { Problem } from '@hospital/kit'

export function say(text: string): void {
  showToast({ message: text, duration: 1_600 })
}

export function sayProblem(problem: Problem): void {
  showToast({ message: problem.title, duration: 4_000, wordBreak: 'break-all' })
}

/** True when the person agrees. The verb is on the button: 「取消预约」, never 「确定」. */
export async function confirm(question: string, verb: string): Promise<boolean> {
  try {
    await showConfirmDialog({ message: question, confirmButtonText: verb, cancelButtonText: '返回' })
    return true
  } catch (action) {
    if (action === 'cancel' || action === 'close') return false
    throw action
  }
}
