import '@hospital/kit/base.css'
import '@hospital/kit/vant.css'
import './styles/phone.css'
import { createApp } from 'vue'
import App from './App.vue'
import { router } from './router'

createApp(App).use(router).mount('#app')
