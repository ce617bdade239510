import type { IconName } from '@hospital/kit'
import { createRouter, createWebHistory } from 'vue-router'
import { isSignedIn } from './session'

declare module 'vue-router' {
  interface RouteMeta {
    title?: string
    /** Stands in the tab bar with this icon. */
    tab?: IconName
    needsLogIn?: boolean
  }
}

const needsLogIn = true

export const router = createRouter({
  history: createWebHistory('/phone/'),
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
  routes: [
    { path: '/', name: 'home', component: () => import('./views/Home.vue'), meta: { title: '首页', tab: 'home' } },
    {
      path: '/appointments',
      name: 'appointments',
      component: () => import('./views/Appointments.vue'),
      meta: { title: '预约', tab: 'calendar', needsLogIn },
    },
    {
      path: '/messages',
      name: 'messages',
      component: () => import('./views/Messages.vue'),
      meta: { title: '消息', tab: 'bell', needsLogIn },
    },
    { path: '/me', name: 'me', component: () => import('./views/Me.vue'), meta: { title: '我的', tab: 'person' } },
    { path: '/login', name: 'login', component: () => import('./views/LogIn.vue'), meta: { title: '登录' } },
    {
      path: '/phone-number',
      name: 'phone-number',
      component: () => import('./views/PhoneNumber.vue'),
      meta: { title: '绑定手机号', needsLogIn },
    },
    {
      path: '/departments',
      name: 'departments',
      component: () => import('./views/Departments.vue'),
      meta: { title: '预约挂号', needsLogIn },
    },
    {
      path: '/departments/:departmentId',
      name: 'doctors',
      component: () => import('./views/Doctors.vue'),
      props: true,
      meta: { title: '选择医生', needsLogIn },
    },
    {
      path: '/departments/:departmentId/sessions/:scheduleId',
      name: 'booking',
      component: () => import('./views/Booking.vue'),
      props: true,
      meta: { title: '确认预约', needsLogIn },
    },
    {
      path: '/guide',
      name: 'guide',
      component: () => import('./finding/GuideParts.vue'),
      meta: { title: '智能导诊', needsLogIn },
    },
    {
      path: '/guide/:part',
      name: 'guide-part',
      component: () => import('./finding/GuidePart.vue'),
      props: true,
      meta: { title: '智能导诊', needsLogIn },
    },
    {
      path: '/doctors/:staffId',
      name: 'doctor',
      component: () => import('./finding/DoctorPage.vue'),
      props: true,
      meta: { title: '医生主页', needsLogIn },
    },
    {
      path: '/appointments/:id',
      name: 'appointment',
      component: () => import('./views/Appointment.vue'),
      props: true,
      meta: { title: '预约详情', needsLogIn },
    },
    {
      path: '/appointments/:id/pay',
      name: 'pay',
      component: () => import('./views/Pay.vue'),
      props: true,
      meta: { title: '支付挂号费', needsLogIn },
    },
    {
      path: '/departments/:departmentId/series/:scheduleId',
      name: 'series-plan',
      component: () => import('./series/PlanSeries.vue'),
      props: true,
      meta: { title: '疗程预约', needsLogIn },
    },
    { path: '/series/:id', name: 'series', component: () => import('./series/Series.vue'), props: true, meta: { title: '疗程', needsLogIn } },
    {
      path: '/departments/:departmentId/wait',
      name: 'wait-join',
      component: () => import('./waiting/WaitJoin.vue'),
      props: true,
      meta: { title: '登记候补', needsLogIn },
    },
    { path: '/waits', name: 'waits', component: () => import('./waiting/Waits.vue'), meta: { title: '我的候补', needsLogIn } },
    { path: '/waits/:id', name: 'wait', component: () => import('./waiting/Wait.vue'), props: true, meta: { title: '候补详情', needsLogIn } },
    { path: '/bans', name: 'bans', component: () => import('./waiting/Bans.vue'), meta: { title: '限约与申诉', needsLogIn } },
    {
      path: '/disruptions/:id',
      name: 'disruption',
      component: () => import('./waiting/Disruption.vue'),
      props: true,
      meta: { title: '停诊与替诊', needsLogIn },
    },
    {
      path: '/appointments/:id/move',
      name: 'move',
      component: () => import('./waiting/Move.vue'),
      props: true,
      meta: { title: '改约', needsLogIn },
    },
    {
      path: '/appointments/:id/sign-in',
      name: 'sign-in',
      component: () => import('./arriving/SignIn.vue'),
      props: true,
      meta: { title: '到院签到', needsLogIn },
    },
    {
      path: '/identity/:linkId?',
      name: 'identity',
      component: () => import('./identity/IdentityCode.vue'),
      props: true,
      meta: { title: '就诊码', needsLogIn },
    },
    {
      path: '/examinations',
      name: 'examinations',
      component: () => import('./examining/Examinations.vue'),
      meta: { title: '检查预约', needsLogIn },
    },
    {
      path: '/examinations/:chargeId',
      name: 'examination',
      component: () => import('./examining/BookExamination.vue'),
      props: true,
      meta: { title: '选择检查时间', needsLogIn },
    },
    { path: '/invoices', name: 'invoices', component: () => import('./invoices/Invoices.vue'), meta: { title: '电子票据', needsLogIn } },
    {
      path: '/invoices/:id',
      name: 'invoice',
      component: () => import('./invoices/Invoice.vue'),
      props: true,
      meta: { title: '票据详情', needsLogIn },
    },
    {
      path: '/patients',
      name: 'patients',
      component: () => import('./views/Patients.vue'),
      meta: { title: '就诊人', needsLogIn },
    },
    {
      path: '/patients/new',
      name: 'patient-new',
      component: () => import('./views/PatientNew.vue'),
      meta: { title: '添加就诊人', needsLogIn },
    },
    {
      path: '/patients/:linkId/prove',
      name: 'patient-prove',
      component: () => import('./views/PatientProve.vue'),
      props: true,
      meta: { title: '核验就诊人', needsLogIn },
    },
    { path: '/bills', name: 'bills', component: () => import('./money/Bills.vue'), meta: { title: '门诊缴费', needsLogIn } },
    { path: '/bills/:id', name: 'bill', component: () => import('./money/BillView.vue'), props: true, meta: { title: '缴费单', needsLogIn } },
    {
      path: '/bills/:id/receipt',
      name: 'receipt',
      component: () => import('./money/ReceiptView.vue'),
      props: true,
      meta: { title: '电子收据', needsLogIn },
    },
    { path: '/payments', name: 'payments', component: () => import('./money/Payments.vue'), meta: { title: '缴费记录', needsLogIn } },
    {
      path: '/payments/:id',
      name: 'payment',
      component: () => import('./money/PaymentView.vue'),
      props: true,
      meta: { title: '支付详情', needsLogIn },
    },
    { path: '/card', name: 'card', component: () => import('./money/CardView.vue'), meta: { title: '预存款', needsLogIn } },
    {
      path: '/card/:patientId/top-ups/:id',
      name: 'top-up',
      component: () => import('./money/TopUpView.vue'),
      props: true,
      meta: { title: '预存款充值', needsLogIn },
    },
    { path: '/settings', name: 'settings', component: () => import('./money/SettingsView.vue'), meta: { title: '设置', needsLogIn } },
    { path: '/:rest(.*)*', name: 'missing', component: () => import('./views/Missing.vue'), meta: { title: '没有这个页面' } },
  ],
})

router.beforeEach((to) => {
  if (to.meta.needsLogIn && !isSignedIn.value) return { name: 'login', query: { back: to.fullPath } }
  return true
})

router.afterEach((to) => {
  document.title = to.meta.title ?? '掌上医院'
})
