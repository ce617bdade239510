// One build for every page: old WebViews, strict CSP, no address outside the hospital.
import vue from '@vitejs/plugin-vue'
import { VantResolver } from '@vant/auto-import-resolver'
import { ElementPlusResolver } from 'unplugin-vue-components/resolvers'
import components from 'unplugin-vue-components/vite'
import { defineConfig, type PluginOption, type UserConfig } from 'vite'

export interface PageOptions {
  /** Where the serving process mounts the page, with both slashes. */
  base: '/' | `/${string}/`
  /** Component library whose used parts, and nothing else, are bundled. */
  widgets?: 'vant' | 'element-plus'
}

/** Vant's icon font falls back to a public CDN; under our CSP that is a console error on every page. */
export function cutVantCdnFont(): PluginOption {
  return {
    name: 'hospital:cut-vant-cdn-font',
    enforce: 'pre',
    transform(code, id) {
      if (!/vant\/.*\/icon\/index\.css$/.test(id.replace(/\\/g, '/').replace(/\?.*$/, ''))) return null
      const local = code.replace(/,\s*url\((['"]?)(?:https?:)?\/\/[^)]*\)\s*format\([^)]*\)/g, '')
      if (/url\((['"]?)(?:https?:)?\/\//.test(local)) this.error('the icon font of Vant still names a remote address')
      return { code: local, map: null }
    },
  }
}

function widgetPlugins(widgets: PageOptions['widgets']): PluginOption[] {
  if (widgets === undefined) return []
  const resolver = widgets === 'vant' ? VantResolver() : ElementPlusResolver({ importStyle: 'css' })
  const onDemand = components({ dirs: [], dts: false, resolvers: [resolver] })
  return widgets === 'vant' ? [onDemand, cutVantCdnFont()] : [onDemand]
}

/** Vue changes seldom and every view needs it; widgets go with the routes that use them. */
const VUE = { name: 'vue', test: /[\\/]node_modules[\\/](@vue|vue|vue-router)[\\/]/ }

export function page(options: PageOptions): UserConfig {
  return defineConfig({
    base: options.base,
    plugins: [vue(), ...widgetPlugins(options.widgets)],
    build: {
      target: 'chrome80',
      cssTarget: 'chrome80',
      outDir: 'dist',
      emptyOutDir: true,
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      rolldownOptions: { output: { codeSplitting: { groups: [VUE] } } },
    },
    server: { host: '127.0.0.1' },
  })
}
