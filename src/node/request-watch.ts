import { keyOf } from '../client/calls.ts'
import type { ClientDriver, DriverCall } from '../client/driver.ts'
import type { CallOperation, CallOutcome } from '../client/inputs.ts'
import { hash64 } from '../keyspace/hash.ts'
import type { ReplicaHost } from '../partition/host.ts'
import { Malformed } from '../wire/bytes.ts'
import { decodeCommand, operationTypeOf } from '../wire/command.ts'
import type { Request } from '../wire/request.ts'
import type { Clock } from '../world/clock.ts'
import type { Logger } from '../world/log.ts'
import { Tally } from '../world/tally.ts'
import type { Caller } from './mesh.ts'
import { ThrottledLog } from './throttled-log.ts'

export interface RequestWatchOptions {
  readonly logger: Logger
  readonly clock: Clock
  /** What takes so long is logged; 0: nothing is. */
  readonly slowMs: number
  readonly host: ReplicaHost
}

/** A request that a replica of this node answered, or refused. */
export interface Served {
  readonly door: Caller
  readonly request: Request
  /** Its code, `ok` or `given_up`. */
  readonly end: string
  /** When it came in. */
  readonly at: number
}

type Fields = Readonly<Record<string, unknown>>

const BEGINNING_MS = 60_000

/**
 * Sees every request end: counts it, and writes down the slow ones, with where their time went. At
 * level `debug` it writes down all. No line shows a key, only its hash.
 */
export class RequestWatch {
  /** How requests ended, by who asked. */
  readonly tallies: Readonly<Record<Caller, Tally>> = {
    client: new Tally(),
    peer: new Tally(),
    self: new Tally()
  }
  /** Requests and calls that ended as `overloaded`. */
  shed = 0
  readonly #clock: Clock
  readonly #host: ReplicaHost
  readonly #logger: Logger
  readonly #slowRequests: ThrottledLog
  readonly #slowCalls: ThrottledLog
  readonly #slowMs: number
  readonly #verbose: boolean

  constructor({ logger, clock, slowMs, host }: RequestWatchOptions) {
    this.#clock = clock
    this.#host = host
    this.#logger = logger
    this.#slowRequests = new ThrottledLog(logger, clock)
    this.#slowCalls = new ThrottledLog(logger, clock)
    this.#slowMs = slowMs > 0 ? slowMs : Number.POSITIVE_INFINITY
    this.#verbose = logger.isEnabled?.('debug') ?? false
  }

  served(served: Served): void {
    const { door, request, end, at } = served
    const now = this.#clock.monotonic()
    this.tallies[door].record(kindOf(request), end, now - at)
    if (end === 'overloaded') this.shed++
    if (now - at >= this.#slowMs && !isPatient(request)) {
      this.#slowRequests.log('warn', 'slow request', () => this.#servedFields(served, now))
    } else if (this.#verbose) {
      this.#logger.log('debug', 'request', this.#servedFields(served, now))
    }
  }

  /** The same calls, watched: those of HTTP callers and of this process. */
  around(gateway: ClientDriver): ClientDriver['call'] {
    return (operation, call, done) => {
      const at = this.#clock.monotonic()
      return gateway.call(operation, call, (outcome) => {
        this.#called(operation, call, outcome, at)
        done(outcome)
      })
    }
  }

  /** Asks `gateway` for the same, and counts what it refuses. */
  shedMs(gateway: ClientDriver, kind: CallOperation['kind'], key: Uint8Array): number {
    const waitMs = gateway.shedMs(kind, key)
    if (waitMs > 0) this.shed++
    return waitMs
  }

  #called(operation: CallOperation, call: DriverCall, outcome: CallOutcome, at: number): void {
    const tookMs = this.#clock.monotonic() - at
    if (!outcome.ok && outcome.failure.code === 'overloaded') this.shed++
    if (tookMs >= this.#slowMs && !isPatient(operation)) {
      this.#slowCalls.log('warn', 'slow call', () => calledFields(operation, call, outcome, tookMs))
    } else if (this.#verbose) {
      this.#logger.log('debug', 'call', calledFields(operation, call, outcome, tookMs))
    }
  }

  #servedFields({ door, request, end, at }: Served, now: number): Fields {
    const { kind, group, trace, body, consistency } = request
    const isStrong = kind === 'get' && consistency === 'strong'
    const since = this.#host.counts.ledSince.get(group)
    return {
      door,
      kind: kindOf(request),
      group,
      ...keyFields(keyIn(request)),
      bytes: body.length,
      code: end,
      ...(trace === '' ? {} : { trace }),
      tookMs: rounded(now - at),
      ...(kind === 'mutate' ? this.#writeFields(at, now) : {}),
      ...(isStrong ? this.#readFields(at, now) : {}),
      ...(since !== undefined && now - since < BEGINNING_MS ? { ledMs: rounded(now - since) } : {})
    }
  }

  /** The first records that were handed to the log after it had come were its own. */
  #writeFields(at: number, now: number): Fields {
    const { syncAgeMs } = this.#host
    const sync = this.#host.counts.persists.firstFrom(at)
    const hung = syncAgeMs > 0 ? { syncAgeMs: rounded(syncAgeMs) } : {}
    if (sync === undefined) return hung
    const syncMs = rounded(sync.ended - sync.began)
    return { turnMs: rounded(sync.began - at), syncMs, restMs: rounded(now - sync.ended), ...hung }
  }

  #readFields(at: number, now: number): Fields {
    const round = this.#host.reads.spans.firstFrom(at)
    if (round === undefined) return {}
    const roundMs = rounded(round.ended - round.began)
    return { turnMs: rounded(round.began - at), roundMs, restMs: rounded(now - round.ended) }
  }
}

function calledFields(
  operation: CallOperation,
  { trace }: DriverCall,
  outcome: CallOutcome,
  tookMs: number
): Fields {
  const command = 'operation' in operation ? operation.operation : undefined
  return {
    kind: command?.type ?? operation.kind,
    ...groupFields(operation, outcome),
    ...keyFields(keyOfCall(operation)),
    code: outcome.ok ? 'ok' : outcome.failure.code,
    ...(outcome.ok ? {} : { reason: outcome.failure.message }),
    ...(trace === undefined || trace === '' ? {} : { trace }),
    tookMs: rounded(tookMs)
  }
}

function keyOfCall(operation: CallOperation): Uint8Array | undefined {
  if ('key' in operation) return operation.key
  return 'operation' in operation ? keyOf(operation.operation) : undefined
}

/** Watches wait because nothing happens, and those in line for a lock because others hold it. */
function isPatient({ kind }: { readonly kind: string }): boolean {
  return kind === 'watch' || kind === 'await-grant'
}

/** Of a transaction that of its anchor, and how much it is about. */
function groupFields(operation: CallOperation, outcome: CallOutcome): Fields {
  const sizes =
    operation.kind === 'transact'
      ? { checks: operation.checks.length, writes: operation.writes.length }
      : {}
  if (!outcome.ok) return sizes
  if (outcome.kind === 'watch') return sizes
  if (outcome.kind !== 'transact') return { group: outcome.group }
  return { group: outcome.id.anchor, groups: outcome.groups.length, ...sizes }
}

/** Mutations by what they do, reads by what they promise, everything else by what it is. */
function kindOf({ kind, consistency, body }: Request): string {
  if (kind === 'mutate') return operationTypeOf(body) ?? 'garbled'
  if (kind !== 'get' || consistency === 'strong') return kind
  return consistency === 'session' ? 'get-session' : 'get-eventual'
}

function keyIn({ kind, body }: Request): Uint8Array | undefined {
  if (kind === 'get') return body
  if (kind !== 'mutate') return undefined
  try {
    return keyOf(decodeCommand(body).operation)
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return undefined
  }
}

/** Equal keys show; which they are shows only to who knows them (docs/operations.md). */
function keyFields(key: Uint8Array | undefined): Fields {
  if (key === undefined) return {}
  return { keyHash: hash64(key).toString(16).padStart(16, '0'), keyBytes: key.length }
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10
}
