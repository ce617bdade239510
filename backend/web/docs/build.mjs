// The API's description, readable offline: Swagger UI's own files under our strict CSP.
import { copyFileSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const swagger = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
mkdirSync(join(here, 'dist'), { recursive: true })
for (const file of ['swagger-ui-bundle.js', 'swagger-ui.css', 'favicon-32x32.png']) {
  copyFileSync(join(swagger, file), join(here, 'dist', file))
}
for (const file of ['index.html', 'init.js', 'page.css']) {
  copyFileSync(join(here, 'src', file), join(here, 'dist', file))
}
