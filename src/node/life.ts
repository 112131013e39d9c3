import type { Transport } from '../transport/transport.ts'
import type { Cancel, Clock, Timers } from '../world/clock.ts'
import type { Logger } from '../world/log.ts'
import type { StateStore } from '../world/state-store.ts'
import { LOOKOUT_MS, Lookout } from './lookout.ts'
import type { NodeMachine } from './machine.ts'

/** What requests over HTTP may take to finish when the node stops, in ms. */
const HTTP_GRACE_MS = 3_000
const READY_POLL_MS = 20

/** What is open as long as a node runs. */
export interface Opened {
  readonly store: StateStore
  readonly transport: Transport
  readonly http: { stop(graceMs: number): Promise<void> } | undefined
}

export interface LifeOptions {
  readonly opened: Opened
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
  readonly onFatal: (fault: Error, exitCode: 1 | 2) => void
}

/** From ready to stopped, or to the fault that ended it. */
export class Life {
  readonly ready: Promise<void>
  readonly #options: LifeOptions
  readonly #settleReady: { resolve(): void; reject(reason: Error): void }
  /** Resolves once everybody was told of the fault. */
  readonly #told = Promise.withResolvers<void>()
  #machine: NodeMachine | undefined
  #stopLooking: Cancel = () => {}
  #hasFailed = false
  #released: Promise<void> | undefined
  #stopped: Promise<void> | undefined

  constructor(options: LifeOptions) {
    this.#options = options
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.ready = promise
    this.#settleReady = { resolve, reject }
    // Who does not wait for it hears of the fault by `onFatal`.
    this.ready.catch(() => undefined)
    this.#watch()
  }

  /** `machine` was started. */
  run(machine: NodeMachine): void {
    this.#machine = machine
    const { logger, clock, timers } = this.#options
    const lookout = new Lookout(machine, logger, clock)
    const look = (): void => {
      lookout.tick()
      this.#stopLooking = timers.after(LOOKOUT_MS, look)
    }
    look()
  }

  /** Of one that fails, also in the middle of this: when all is let go, and that was told. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  fail(fault: Error, exitCode: 1 | 2): void {
    const { logger, onFatal } = this.#options
    logger.log('fatal', 'node ended', { reason: fault.message })
    this.#hasFailed = true
    this.#settleReady.reject(fault)
    const tell = (): void => {
      onFatal(fault, exitCode)
      this.#told.resolve()
    }
    this.abandon().then(tell, (error: unknown) => {
      logger.log('error', 'not everything closed', { reason: String(error) })
      tell()
    })
  }

  /** Lets go of all that is open, without a word to the others: as a crash would. */
  abandon(): Promise<void> {
    this.#released ??= this.#release()
    return this.#released
  }

  async #release(): Promise<void> {
    this.#stopLooking()
    const { http, transport, store } = this.#options.opened
    await http?.stop(0)
    await stopped(transport)
    await closed(store)
  }

  async #stop(): Promise<void> {
    this.#settleReady.reject(new Error('the node was stopped'))
    if (!this.#hasFailed) await this.#options.opened.http?.stop(HTTP_GRACE_MS)
    if (!this.#hasFailed) await Promise.race([this.#machineStopped(), this.#told.promise])
    if (this.#hasFailed) await this.#told.promise
    this.#stopLooking()
  }

  #machineStopped(): Promise<void> {
    return new Promise((resolve) => this.#machine?.stop(resolve))
  }

  #watch(): void {
    if (this.#hasFailed || this.#stopped !== undefined || this.#released !== undefined) return
    if (this.#machine?.unready.length === 0) this.#settleReady.resolve()
    else this.#options.timers.after(READY_POLL_MS, () => this.#watch())
  }
}

export const stopped = (transport: Transport): Promise<void> =>
  new Promise((resolve) => transport.stop(resolve))
export const closed = (store: StateStore): Promise<void> =>
  new Promise((resolve) => store.close(resolve))
