// RFC 9457 problems: what the server answered, or why no answer came, in one shape.
import type { components } from './schema'

type Answered = components['schemas']['Problem']

/** `pointer` is a JSON pointer into the body that was sent, e.g. "/id_number". */
export type FieldError = NonNullable<Answered['errors']>[number]

export interface ProblemFields extends Pick<Answered, 'type' | 'title' | 'status' | 'code' | 'detail' | 'errors'> {
  request_id?: string
  /** Seconds, from the Retry-After header. */
  retry_after?: number
}

/** Problems born in the page; `status` is 0 because no answer was read. */
export type ClientCode = 'client.offline' | 'client.network' | 'client.timeout' | 'client.aborted'

const CLIENT_TITLES: Record<ClientCode, string> = {
  'client.offline': '网络已断开，请检查网络连接',
  'client.network': '暂时连不上医院服务，请稍后再试',
  'client.timeout': '网络较慢，没有等到回应，请重试',
  'client.aborted': '操作已取消',
}

const STATUS_TITLES: Record<number, string> = {
  400: '请求内容有误',
  401: '登录已失效，请重新登录',
  403: '您没有进行此操作的权限',
  404: '没有找到相关内容',
  405: '不支持此操作',
  408: '网络较慢，请重试',
  409: '情况已发生变化，请刷新后重试',
  412: '内容已被更新，请刷新后重试',
  413: '提交的内容过大',
  422: '填写的内容有误，请检查',
  429: '操作过于频繁，请稍后再试',
  503: '服务暂时不可用，请稍后再试',
}

/** A success whose body was cut off is among them: what was done is not known here. */
const UNANSWERED = new Set(['client.network', 'client.timeout', 'client.aborted', 'client.malformed'])
const UNHEARD = new Set([401, 408, 429])

export function defaultTitle(status: number): string {
  return STATUS_TITLES[status] ?? (status >= 500 ? '系统出现问题，请稍后再试' : '操作没有成功，请重试')
}

/** The only error the API client throws. */
export class Problem extends Error {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail: string | undefined
  readonly errors: readonly FieldError[]
  readonly requestId: string | undefined
  readonly retryAfter: number | undefined

  constructor(fields: ProblemFields) {
    super(`${fields.code}: ${fields.title}`)
    this.name = 'Problem'
    this.type = fields.type
    this.title = fields.title
    this.status = fields.status
    this.code = fields.code
    this.detail = fields.detail
    this.errors = fields.errors ?? []
    this.requestId = fields.request_id
    this.retryAfter = fields.retry_after
  }

  static client(code: ClientCode): Problem {
    return new Problem({ type: 'about:blank', title: CLIENT_TITLES[code], status: 0, code })
  }

  /** Whatever was thrown, as a Problem: screens show one kind of error. */
  static from(thrown: unknown): Problem {
    if (thrown instanceof Problem) return thrown
    const title = '页面出现问题，请刷新后重试'
    return new Problem({ type: 'about:blank', title, status: 0, code: 'client.bug', detail: String(thrown) })
  }

  get isAborted(): boolean {
    return this.code === 'client.aborted'
  }

  /** No answer was read, so the server may or may not have acted: repeat with the same key, never with a new one. */
  get isUnanswered(): boolean {
    return UNANSWERED.has(this.code)
  }

  /** The server has looked at the act and said no. Who is not signed in or came too often was not listened to. */
  get isDecided(): boolean {
    return this.status >= 400 && this.status < 500 && !UNHEARD.has(this.status)
  }

  /** A later attempt may succeed without the person changing anything. */
  get isTransient(): boolean {
    return this.status === 0 ? this.code !== 'client.bug' : this.status >= 500 || [408, 429].includes(this.status)
  }

  /** Messages by field name ("/patient/id_number" → "patient.id_number"), for form items. */
  get fieldErrors(): Record<string, string> {
    const byField: Record<string, string> = {}
    for (const error of this.errors) {
      const field = error.pointer.split('/').slice(1).map(unescapePointer).join('.')
      byField[field] ??= error.message
    }
    return byField
  }
}

function unescapePointer(part: string): string {
  return part.replace(/~1/g, '/').replace(/~0/g, '~')
}

/** Reads an error answer; a gateway's HTML page or an empty body gets our own words. */
export async function problemOf(response: Response): Promise<Problem> {
  const body = await readFields(response)
  const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)
  return new Problem({
    type: text(body.type) ?? 'about:blank',
    title: text(body.title) ?? defaultTitle(response.status),
    status: response.status,
    code: text(body.code) ?? `http.${response.status}`,
    detail: text(body.detail),
    errors: Array.isArray(body.errors) ? body.errors.map(fieldError).filter((error) => error !== null) : [],
    request_id: text(body.request_id) ?? text(response.headers.get('X-Request-ID')),
    retry_after: secondsOf(response.headers.get('Retry-After')),
  })
}

async function readFields(response: Response): Promise<Partial<Record<keyof ProblemFields, unknown>>> {
  if (!/\bjson\b/.test(response.headers.get('Content-Type') ?? '')) return {}
  try {
    const body: unknown = await response.json()
    return typeof body === 'object' && body !== null ? body : {}
  } catch {
    // A cut-off body says no more than its status, which the caller still has.
    return {}
  }
}

function fieldError(value: unknown): FieldError | null {
  if (typeof value !== 'object' || value === null) return null
  const { pointer, message } = value as Partial<FieldError>
  return typeof pointer === 'string' && typeof message === 'string' ? { pointer, message } : null
}

function secondsOf(header: string | null): number | undefined {
  return header !== null && /^\d+$/.test(header) ? Number(header) : undefined
}
