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
