// From a bare television to a board: a code on the glass, a place given by an administrator, a token that renews itself.
import { Problem, serverClock } from '@hospital/kit'
import { readonly, shallowRef } from 'vue'
import { areaOfDemo, pairInDemo, pairingStatus, requestPairing, signIn, thisScreen, type SignIn } from './gateway'
import { loadIdentity, newIdentity, saveIdentity, type Identity } from './identity'

export type Stage =
  | { name: 'starting' }
  | { name: 'pairing'; code: string; until: number }
  | { name: 'board'; areaId: string }
  | { name: 'revoked' }

const POLL_MS = 3_000
const RETRY_MAX_MS = 15_000
const RENEW_BEFORE_MS = 30_000
/** A device whose clock is wrong by hours must neither renew all the time nor show a dead code. */
const CODE_LIVES_MS = { min: 120_000, max: 600_000 }
const TOKEN_SPARE_MS = 60_000

const pause = (ms: number): Promise<void> => new Promise((wake) => setTimeout(wake, ms))

export class Station {
  private readonly current = shallowRef<Stage>({ name: 'starting' })
  private readonly problem = shallowRef<string | null>(null)
  /** What the glass shows. */
  readonly stage = readonly(this.current)
  /** Why nothing moves, in words for whoever stands before the screen. */
  readonly trouble = readonly(this.problem)
  private identity: Identity = loadIdentity()
  private access: { token: string; until: number } | null = null
  private isRunning = false

  constructor(private readonly isDemo: boolean) {
    saveIdentity(this.identity)
  }

  /** Works until the screen has its board or is revoked; called again when it loses either. */
  async start(): Promise<void> {
    if (this.isRunning) return
    this.isRunning = true
    for (let failures = 0; !(await this.attempt()); failures++) {
      // Jitter: after a power cut all screens of a hospital start in the same second.
      await pause(Math.min(RETRY_MAX_MS, 1_000 * 2 ** failures) * (0.5 + Math.random() / 2))
    }
    this.isRunning = false
  }

  /** For the live connection; throws when there is none to be had now. */
  async token(): Promise<string> {
    if (this.access === null || performance.now() > this.access.until) this.keep(await signIn(this.identity))
    if (this.access !== null) return this.access.token
    void this.start()
    throw new Error('this screen may not sign in')
  }

  /** The server has closed the door: true when it opens again with a new token. */
  async renew(): Promise<boolean> {
    this.access = null
    this.keep(await signIn(this.identity))
    if (this.access === null) void this.start()
    return this.access !== null
  }

  /** A person before a revoked screen wants it back: a new key, a new code, an administrator's decision. */
  pairAgain(): void {
    this.become(newIdentity())
    this.current.value = { name: 'starting' }
    void this.start()
  }

  private async attempt(): Promise<boolean> {
    try {
      while (!(await this.settle())) await this.showCode()
      this.problem.value = null
      return true
    } catch (thrown) {
      const problem = Problem.from(thrown)
      // The key is known but its id was lost with half the storage: only a new key can ask again.
      if (problem.code === 'devices.key_known') this.become(newIdentity())
      this.problem.value = problem.title
      return false
    }
  }

  private async settle(): Promise<boolean> {
    const answer = await signIn(this.identity)
    this.keep(answer)
    if (answer.as === 'revoked') {
      this.current.value = { name: 'revoked' }
      return true
    }
    if (answer.as !== 'active') return false
    const { location_id: areaId } = await thisScreen(answer.token)
    if (areaId === null || (this.isDemo && areaId !== (await areaOfDemo()))) {
      this.become(newIdentity())
      return false
    }
    this.current.value = { name: 'board', areaId }
    return true
  }

  private async showCode(): Promise<void> {
    const { device_id, code, expires_at } = await requestPairing(this.identity)
    this.become({ ...this.identity, deviceId: device_id })
    const left = Date.parse(expires_at) - serverClock.now()
    const lifetime = Math.max(CODE_LIVES_MS.min, Math.min(CODE_LIVES_MS.max, left))
    const until = performance.now() + lifetime
    this.current.value = { name: 'pairing', code, until }
    this.problem.value = null
    if (this.isDemo) await pairInDemo(code).catch((thrown: unknown) => void (this.problem.value = Problem.from(thrown).title))
    while (performance.now() < until - RENEW_BEFORE_MS && (await this.stillPending())) await pause(POLL_MS)
  }

  /** No answer is no reason to take a good code off the glass. */
  private async stillPending(): Promise<boolean> {
    try {
      const { deviceId } = this.identity
      const status = deviceId === null ? 'revoked' : await pairingStatus(deviceId)
      this.problem.value = null
      return status === 'pending'
    } catch (thrown) {
      this.problem.value = Problem.from(thrown).title
      return true
    }
  }

  private keep(answer: SignIn): void {
    const spare = (seconds: number): number => performance.now() + seconds * 1_000 - TOKEN_SPARE_MS
    this.access = answer.as === 'active' ? { token: answer.token, until: spare(answer.expiresInS) } : null
  }

  private become(identity: Identity): void {
    this.identity = identity
    this.access = null
    saveIdentity(identity)
  }
}
