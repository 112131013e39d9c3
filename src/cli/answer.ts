import { KeyMeshError } from '../client/errors.ts'
import { InvalidOptions } from '../node/options.ts'

/** What a command ends with; docs/command-line.md is about them. */
export const EXIT = {
  done: 0,
  /**
   * Absent, a condition that does not hold, a lock that others have, a status with partitions that
   * have no leader.
   */
  no: 1,
  usage: 2,
  unavailable: 3,
  /** A write that may or may not have happened. */
  unknown: 4,
  /** A fault of the command itself, or of where it writes to. */
  fault: 70
} as const

/** What a command has to say: one form for machines, one for people. Only one of them is made. */
export interface Answer {
  json(): unknown
  /** Text gets a line end; bytes are told as they are. */
  plain(): string | Uint8Array
  readonly exitCode: number
}

/** It was all told while it came. */
export interface Told {
  readonly type: 'told'
  readonly exitCode: number
}

/** A command that could not do what it was asked. */
export interface Failed {
  readonly exitCode: number
  readonly message: string
  /** As HTTP answers it. */
  readonly json: { readonly error: Readonly<Record<string, unknown>> }
}

/** Undefined: nobody expected `error`, it is a fault. */
export function failedBy(error: unknown): Failed | undefined {
  if (error instanceof InvalidOptions) {
    const { message } = error
    const code = 'invalid_argument'
    const json = { error: { code, message, outcome: 'not_applied', retryable: false } }
    return { exitCode: EXIT.usage, message, json }
  }
  if (!(error instanceof KeyMeshError)) return undefined
  const { code, message, outcome, retryable } = error
  const revision = 'revision' in error ? { revision: error.revision } : {}
  const id = 'id' in error ? { id: error.id } : {}
  const json = { error: { code, message, outcome, retryable, ...revision, ...id } }
  return { exitCode: exitCodeOf(error), message: `${message} (${code})`, json }
}

function exitCodeOf({ code, outcome }: KeyMeshError): number {
  if (outcome === 'unknown') return EXIT.unknown
  switch (code) {
    case 'not_found':
    case 'conflict':
    case 'compacted':
    case 'not_a_number':
    case 'locked':
    case 'lock_lost':
    case 'fenced':
      return EXIT.no
    case 'invalid_argument':
    case 'idempotency_reused':
    case 'too_large':
    case 'unauthenticated':
    case 'forbidden':
      return EXIT.usage
    default:
      return EXIT.unavailable
  }
}
