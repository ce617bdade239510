import type { IconName } from '@hospital/kit'
import { createRouter, createWebHistory } from 'vue-router'

declare module 'vue-router' {
  interface RouteMeta {
    title?: string
    /** Stands in the tab bar with this icon. */
    tab?: IconName
  }
}

export const router = createRouter({
  history: createWebHistory('/phone/'),
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
  routes: [
    { path: '/', name: 'home', component: () => import('./views/Home.vue'), meta: { title: '首页', tab: 'home' } },
    {
      path: '/appointments',
      name: 'appointments',
      component: () => import('./views/Appointments.vue'),
      meta: { title: '预约', tab: 'calendar' },
    },
    { path: '/me', name: 'me', component: () => import('./views/Me.vue'), meta: { title: '我的', tab: 'person' } },
    { path: '/:rest(.*)*', name: 'missing', component: () => import('./views/Missing.vue'), meta: { title: '没有这个页面' } },
  ],
})

router.afterEach((to) => {
  document.title = to.meta.title ?? '掌上医院'
})
