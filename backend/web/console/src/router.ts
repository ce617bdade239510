import { watch } from 'vue'
import { createRouter, createWebHistory, type RouteLocationRaw } from 'vue-router'
import type { Permission } from './model'
import { can, resume, session } from './session'
import { menuFor } from './shell/menu'

declare module 'vue-router' {
  interface RouteMeta {
    /** Shown without a log-in. */
    open?: boolean
    title?: string
    needs?: Permission
  }
}

// Every view is its own chunk, with the Element Plus parts that it alone uses.
export const router = createRouter({
  history: createWebHistory('/console/'),
  routes: [
    { path: '/login', name: 'login', component: () => import('./views/LogIn.vue'), meta: { open: true, title: '登录' } },
    {
      path: '/',
      component: () => import('./shell/Shell.vue'),
      children: [
        { path: '', name: 'home', component: () => import('./views/Home.vue'), meta: { title: '首页' } },
        {
          path: 'queue',
          name: 'queue',
          component: () => import('./views/queue/QueueDesk.vue'),
          meta: { title: '今日队列', needs: 'queue.call' },
        },
        {
          path: 'patients',
          name: 'patients',
          component: () => import('./views/register/PatientDesk.vue'),
          meta: { title: '患者与挂号', needs: 'patient.search' },
        },
        {
          path: 'emergency',
          name: 'emergency',
          component: () => import('./views/register/EmergencyLookUp.vue'),
          meta: { title: '紧急调阅', needs: 'break_glass.open' },
        },
        {
          path: 'patients/:id',
          name: 'file',
          component: () => import('./views/register/FilePage.vue'),
          props: true,
          meta: { title: '患者档案', needs: 'patient.read' },
        },
        {
          path: 'patients/:id/walk-in',
          name: 'walk-in',
          component: () => import('./views/register/WalkIn.vue'),
          props: true,
          meta: { title: '现场挂号', needs: 'walk_in.register' },
        },
        {
          path: 'patients/:id/courses',
          name: 'courses',
          component: () => import('./views/courses/CoursePage.vue'),
          props: true,
          meta: { title: '疗程预约', needs: 'series.book' },
        },
        {
          path: 'patients/:id/examinations',
          name: 'examinations',
          component: () => import('./views/examine/ExaminationPage.vue'),
          props: true,
          meta: { title: '检查预约', needs: 'examination.book' },
        },
        {
          path: 'examination-items',
          name: 'examination-items',
          component: () => import('./views/examine/ExaminationItems.vue'),
          meta: { title: '检查项目', needs: 'schedule.manage' },
        },
        {
          path: 'clinic-day',
          name: 'clinic-day',
          component: () => import('./views/plan/ClinicDay.vue'),
          meta: { title: '出诊与停替诊', needs: 'schedule.manage' },
        },
        {
          path: 'templates',
          name: 'templates',
          component: () => import('./views/plan/TemplateWeek.vue'),
          meta: { title: '出诊模板', needs: 'schedule.manage' },
        },
        {
          path: 'release',
          name: 'release',
          component: () => import('./views/plan/ReleaseDays.vue'),
          meta: { title: '放号', needs: 'schedule.manage' },
        },
        {
          path: 'calendar',
          name: 'calendar',
          component: () => import('./views/plan/CalendarYear.vue'),
          meta: { title: '日历', needs: 'schedule.manage' },
        },
        {
          path: 'waitlist',
          name: 'waitlist',
          component: () => import('./views/waiting/WaitlistDay.vue'),
          meta: { title: '候补', needs: 'waitlist.read' },
        },
        {
          path: 'bans',
          name: 'bans',
          component: () => import('./views/waiting/BanList.vue'),
          meta: { title: '限约与申诉', needs: 'ban.manage' },
        },
        {
          path: 'board',
          name: 'board',
          component: () => import('./views/board/DayBoard.vue'),
          meta: { title: '今日看板', needs: 'board.read' },
        },
        {
          path: 'guide',
          name: 'guide',
          component: () => import('./views/guide/GuideDesk.vue'),
          meta: { title: '检索词与导诊', needs: 'guide.manage' },
        },
        {
          path: 'booking-rules',
          name: 'booking-rules',
          component: () => import('./views/plan/RuleList.vue'),
          meta: { title: '预约规则', needs: 'schedule.manage' },
        },
        {
          path: 'duplicates',
          name: 'duplicates',
          component: () => import('./views/manage/DuplicatePairs.vue'),
          meta: { title: '疑似重复档案', needs: 'patient.merge' },
        },
        {
          path: 'cash',
          name: 'cash',
          component: () => import('./views/cashier/CashDesk.vue'),
          meta: { title: '窗口收费', needs: 'cash.take' },
        },
        {
          path: 'cash/:id',
          name: 'till',
          component: () => import('./views/cashier/Till.vue'),
          props: true,
          meta: { title: '窗口收费', needs: 'cash.take' },
        },
        {
          path: 'pay-outs',
          name: 'pay-outs',
          component: () => import('./views/cashier/PayOuts.vue'),
          meta: { title: '待退付', needs: 'cash.desk' },
        },
        {
          path: 'receipts',
          name: 'receipts',
          component: () => import('./views/cashier/ReceiptList.vue'),
          meta: { title: '收据', needs: 'cash.desk' },
        },
        {
          path: 'shift',
          name: 'shift',
          component: () => import('./views/cashier/ShiftDesk.vue'),
          meta: { title: '我的班次', needs: 'cash.take' },
        },
        {
          path: 'day-end',
          name: 'day-end',
          component: () => import('./views/cashier/DayEnd.vue'),
          meta: { title: '日结', needs: 'day.close' },
        },
        {
          path: 'e-invoices',
          name: 'e-invoices',
          component: () => import('./views/einvoice/EInvoiceDesk.vue'),
          meta: { title: '电子票据', needs: 'e_invoice.manage' },
        },
        {
          path: 'reconcile',
          name: 'reconcile',
          component: () => import('./views/reconcile/ReconcileDesk.vue'),
          meta: { title: '对账', needs: 'reconcile.propose' },
        },
        {
          path: 'money',
          name: 'money',
          component: () => import('./views/manage/MoneyDesk.vue'),
          meta: { title: '待处理款项', needs: 'refund.request' },
        },
        {
          path: 'password',
          name: 'password',
          component: () => import('./views/ChangePassword.vue'),
          meta: { title: '修改密码' },
        },
        {
          path: 'staff',
          name: 'staff',
          component: () => import('./views/manage/StaffList.vue'),
          meta: { title: '职工与角色', needs: 'staff.read' },
        },
        {
          path: 'devices',
          name: 'devices',
          component: () => import('./views/manage/DeviceList.vue'),
          meta: { title: '设备', needs: 'device.manage' },
        },
        {
          path: 'places',
          name: 'places',
          component: () => import('./views/manage/PlaceList.vue'),
          meta: { title: '科室与地点', needs: 'organization.manage' },
        },
        {
          path: 'prices',
          name: 'prices',
          component: () => import('./views/manage/PriceList.vue'),
          meta: { title: '价表', needs: 'catalogue.read' },
        },
        {
          path: 'concepts',
          name: 'concepts',
          component: () => import('./views/manage/ConceptSearch.vue'),
          meta: { title: '诊断编码', needs: 'catalogue.read' },
        },
        {
          path: 'parked-events',
          name: 'parked',
          component: () => import('./views/manage/ParkedEvents.vue'),
          meta: { title: '滞留事件', needs: 'parked.release' },
        },
        {
          path: 'sent-messages',
          name: 'sent-messages',
          component: () => import('./views/manage/SentMessages.vue'),
          meta: { title: '消息发送记录', needs: 'message_log.read' },
        },
        {
          path: 'break-glass',
          name: 'break-glass',
          component: () => import('./views/manage/BreakGlassReview.vue'),
          meta: { title: '紧急授权复核', needs: 'break_glass.review' },
        },
        {
          path: 'audit',
          name: 'audit',
          component: () => import('./views/manage/AuditSearch.vue'),
          meta: { title: '审计检索', needs: 'audit.read' },
        },
      ],
    },
    {
      path: '/:rest(.*)*',
      name: 'missing',
      component: () => import('./views/Missing.vue'),
      meta: { open: true, title: '没有这个页面' },
    },
  ],
})

router.beforeEach(async (to): Promise<boolean | RouteLocationRaw> => {
  if (to.meta.open === true) return true
  if (!(await signedIn())) return { name: 'login', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
  if (session.value?.mustChangePassword === true && to.name !== 'password') return { name: 'password' }
  if (to.meta.needs !== undefined && !can(to.meta.needs)) return { name: 'home' }
  return to.name === 'home' ? firstRoom() : true
})

router.afterEach((to) => {
  document.title = to.meta.title === undefined ? '医院工作台' : `${to.meta.title} · 医院工作台`
})

async function signedIn(): Promise<boolean> {
  try {
    return await resume()
  } catch {
    // Whatever the reason, the log-in page is the place where it is said.
    return false
  }
}

/** Nobody comes to work to read a welcome: the first room of the menu, home only when there is none. */
function firstRoom(): boolean | RouteLocationRaw {
  const first = session.value === null ? undefined : menuFor(session.value.permissions)[0]?.items[0]
  return first === undefined ? true : { name: first.name }
}

// Signed out at this workstation while a page was open. A session that ends by itself leaves its page standing.
watch(session, (now, before) => {
  const here = router.currentRoute.value
  if (now === null && before !== null && here.meta.open !== true) {
    void router.push({ name: 'login', query: { next: here.fullPath } })
  }
})
