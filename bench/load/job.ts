/** Of several keys at one moment. */
export type TransactionLoad = 'txn' | 'tagged' | 'rmw'
/**
 * Of locks, through the client alone: `lock` takes a free lock and gives it back, `handover` waits
 * for the one lock that all want; its latency is the time from release to grant.
 */
export type LockLoad = 'lock' | 'handover'
/** Of single keys. */
export type KeyLoad = 'put' | 'get' | 'eventual' | 'mix'
/**
 * What is asked for: `eventual` is a get, `mix` four strong gets and one put, `txn` two puts in two
 * partitions, `tagged` two puts in one, `rmw` reads two keys of two partitions and writes both.
 */
export type Load = KeyLoad | TransactionLoad | LockLoad
export const TRANSACTION_LOADS: readonly TransactionLoad[] = ['txn', 'tagged', 'rmw']
export const LOCK_LOADS: readonly LockLoad[] = ['lock', 'handover']
/** Those of a run that names none. */
export const USUAL_LOADS: readonly Load[] = ['put', 'get', 'eventual', 'mix', ...TRANSACTION_LOADS]
export const LOADS: readonly Load[] = [...USUAL_LOADS, ...LOCK_LOADS]

/** One measurement a generator is told to make. */
export interface Job {
  readonly load: Load
  /** Calls without an answer: as many connections over HTTP, each with one request at a time. */
  readonly inFlight: number
  /** Under the same load before the measurement begins; nothing of it is counted. */
  readonly rampMs: number
  readonly seconds: number
  /** Processes whose CPU time is to be told. */
  readonly pids: readonly number[]
  /** Over HTTP with fewer connections than nodes: the node that gets the first one. */
  readonly firstNode: number
}

/** Operations that failed in one way. */
export interface Failed {
  /** A status, or the code of an error. */
  readonly code: string
  readonly count: number
  /** The body or the message of the first one. */
  readonly example: string
}

/** What a generator found. */
export interface Outcome {
  /** That succeeded between the beginning and the end of the measurement. */
  readonly operations: number
  readonly seconds: number
  /** A histogram as `Latencies` encodes it. */
  readonly latencies: string
  /** During the ramp, too. */
  readonly failed: readonly Failed[]
  /** CPU time of each of `Job.pids`, in microseconds; null where it cannot be told. */
  readonly cpuMicros: readonly (number | null)[]
  /** CPU time of the generator itself. */
  readonly ownMicros: number
}

/** What a generator is started with. */
export interface Settings {
  readonly api: 'keymesh' | 'etcd'
  /** HTTP URLs, or multiaddrs for the client. */
  readonly targets: readonly string[]
  readonly keys: number
  readonly valueBytes: number
  /** That keys are spread over. */
  readonly partitions: number
}

/** One share of writes in the mix: each fifth operation. */
export const MIX_PERIOD = 5
export const KEY_PREFIX = 'bench/'

export function keysOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => KEY_PREFIX + String(i).padStart(6, '0'))
}

export function filled(bytes: number): Uint8Array {
  return new Uint8Array(bytes).fill(0x61)
}

export function isTransaction(load: Load): load is TransactionLoad {
  return TRANSACTION_LOADS.some((one) => one === load)
}

export function isOfLocks(load: Load): load is LockLoad {
  return LOCK_LOADS.some((one) => one === load)
}

/** Draws numbers below `bound`, the same ones each time, without allocating. */
export function drawer(bound: number, seed: number): () => number {
  let state = (seed * 2_654_435_761 + 1) >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 0x1_0000_0000) * bound)
  }
}
