import '@hospital/kit/base.css'
import './kiosk.css'
import { createApp } from 'vue'

async function start(): Promise<void> {
  if (location.pathname === '/_sim') {
    document.documentElement.classList.add('sim')
    createApp((await import('./views/SimPanel.vue')).default).mount('#app')
    return
  }
  const { connect } = await import('./agent')
  createApp((await import('./App.vue')).default).mount('#app')
  connect()
}

void start()
