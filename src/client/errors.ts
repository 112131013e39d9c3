import { CODES, type Failure, isRetryable, type Outcome } from '../wire/failure.ts'

/** A call that did not do what it was asked. */
export class KeyMeshError extends Error {
  override readonly name: string = 'KeyMeshError'
  /** Stable; the same as in the HTTP API. */
  readonly code: string
  /** `not_applied`: it changed nothing and never will. `unknown`: it may have, or still may. */
  readonly outcome: Outcome
  /** Calling again may succeed and cannot apply twice. */
  readonly retryable: boolean

  constructor(failed: Failure, options?: ErrorOptions) {
    super(failed.message, options)
    this.code = failed.code
    this.outcome = failed.outcome
    this.retryable = isRetryable(failed)
  }
}

/** `ifRevision` did not hold. Nothing was written. */
export class ConflictError extends KeyMeshError {
  override readonly name = 'ConflictError'
  declare readonly code: 'conflict'
  /** The one the key has; 0: there is no such key. */
  readonly revision: number

  constructor(revision: number, expected: number | undefined) {
    const has = revision === 0 ? 'the key does not exist' : `the key has revision ${revision}`
    const wanted = expected === 0 ? 'it was to be absent' : `revision ${expected} was expected`
    const message = `${has}, ${wanted}. ${CODES.conflict.advice}`
    super({ code: 'conflict', message, outcome: 'not_applied', revision })
    this.revision = revision
  }
}

/** Others held the lock until the wait was over. */
export class LockedError extends KeyMeshError {
  override readonly name = 'LockedError'
  declare readonly code: 'locked'
  /** What the holder says of itself; may be empty. */
  readonly owner: string
  /** Since when it holds the lock, in ms since 1970 by the clock of this machine. */
  readonly since: number

  constructor(failed: Failure, { owner, since }: NonNullable<Failure['holder']>) {
    super(failed)
    this.owner = owner
    this.since = since
  }
}

/** The write may have happened, or may still happen. `cause`: the abort reason, if that was why. */
export class UnknownOutcomeError extends KeyMeshError {
  override readonly name = 'UnknownOutcomeError'
}

/** The codec cannot read what is stored. */
export class UndecodableError extends KeyMeshError {
  override readonly name = 'UndecodableError'
  declare readonly code: 'undecodable'
  /** The value as it is stored. */
  readonly bytes: Uint8Array
  readonly revision: number
  /** Of a watch: `from` it one goes on behind this change. */
  readonly cursor: string | undefined

  readonly #key: string

  constructor(
    key: string,
    record: {
      readonly bytes: Uint8Array
      readonly revision: number
      readonly cursor?: string | undefined
    },
    cause: unknown,
    beside: { readonly written: boolean } = { written: false }
  ) {
    const message =
      `the value of ${JSON.stringify(key)} (${record.bytes.length} bytes) is not what the codec ` +
      'writes: read it with the codec it was written with, or look at .bytes'
    const told = beside.written ? `what it came with was written; ${message}` : message
    const outcome = beside.written ? 'unknown' : 'not_applied'
    super({ code: 'undecodable', message: told, outcome }, { cause })
    this.bytes = record.bytes
    this.revision = record.revision
    this.cursor = record.cursor
    this.#key = key
  }

  /** The same of a change that was watched. */
  at(cursor: string): UndecodableError {
    return new UndecodableError(this.#key, { ...this, cursor }, this.cause)
  }

  /** The same of a call that has written something by then, which no outcome may deny. */
  afterWrites(): UndecodableError {
    return new UndecodableError(this.#key, this, this.cause, { written: true })
  }
}

export function errorOf(failed: Failure, options?: ErrorOptions): KeyMeshError {
  if (failed.code === 'overloaded') return withoutStack(() => new KeyMeshError(failed, options))
  if (failed.holder !== undefined) return new LockedError(failed, failed.holder)
  return failed.outcome === 'unknown'
    ? new UnknownOutcomeError(failed, options)
    : new KeyMeshError(failed, options)
}

/** Refused calls come in thousands, and to write down a stack takes longer than to refuse one. */
function withoutStack<T>(make: () => T): T {
  const { stackTraceLimit } = Error
  // Where nobody may change it, stacks are written down.
  Reflect.set(Error, 'stackTraceLimit', 0)
  try {
    return make()
  } finally {
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit)
  }
}

export function invalid(message: string, options?: ErrorOptions): KeyMeshError {
  return errorOf({ code: 'invalid_argument', message, outcome: 'not_applied' }, options)
}
