// Asking for permission to write (wx.requestSubscribeMessage), and coming back from WeChat's sheet.
import { Problem, useResource, type Resource } from '@hospital/kit'
import { onMounted, ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { messageTemplates } from './calls'
import { say } from './feedback'
import { endErrand, goToSubscribe } from './wechat'

type Templates = Awaited<ReturnType<typeof messageTemplates>>
export type Template = Templates['items'][number]

export interface Subscribing {
  templates: Resource<Templates>
  isLeaving: Ref<boolean>
  problem: ShallowRef<Problem | null>
  ask(templateIds: string[]): Promise<void>
}

/** `back`: the path of the page that asks; WeChat's sheet returns there. */
export function useSubscribing(back: string): Subscribing {
  const route = useRoute()
  const router = useRouter()
  const templates = useResource(messageTemplates)
  const isLeaving = ref(false)
  const problem = shallowRef<Problem | null>(null)

  async function ask(templateIds: string[]): Promise<void> {
    if (isLeaving.value) return
    isLeaving.value = true
    problem.value = null
    try {
      await goToSubscribe(templateIds, back)
    } catch (thrown) {
      problem.value = Problem.from(thrown)
      isLeaving.value = false
    }
  }

  onMounted(async () => {
    const answer = route.query.subscribed
    if (typeof answer !== 'string') return
    const isOurs = endErrand(route.query.state) !== null
    await router.replace({ path: back })
    if (isOurs) say(answer === '' ? '没有开启提醒' : '已开启微信提醒')
    // WeChat tells the hospital by itself, a moment later.
    setTimeout(templates.reload, 1_000)
  })

  return { templates, isLeaving, problem, ask }
}
