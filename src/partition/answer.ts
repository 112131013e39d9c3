import type { Given, StateMachine } from '../state/state-machine.ts'
import { ByteReader, ByteWriter, Malformed } from '../wire/bytes.ts'
import { type Command, decodeCommand } from '../wire/command.ts'
import type { Code, RoutingCode } from '../wire/failure.ts'
import type { NodeId } from '../wire/ids.ts'
import type { Reply } from '../wire/request.ts'
import { writeResult } from '../wire/result.ts'
import { decodeScan, type ScanRequest } from '../wire/scan.ts'
import { readTransactionId, type TransactionId } from '../wire/transaction.ts'

/** A reply before the door adds the id of its request and the epoch of the map. */
export type Answered = Omit<Reply, 'id' | 'epoch'>

/** Who asked, for as long as it waits. */
export interface Asker {
  /** The first answer counts; any later one is passed over, as is one for who gave up. */
  respond(answer: Answered): void
  /**
   * Whether nobody waits any more: it was answered, it gave up, or its deadline passed, which it is
   * told here as a definite refusal. Requires: nothing that can be seen was done for it yet.
   */
  isOver(now: number): boolean
}

const NOTHING = new Uint8Array(0)

export function ok(applied: number, body: Uint8Array): Answered {
  return { outcome: 'ok', code: '', message: '', applied, leader: '', waitMs: 0, body }
}

/** This copy surely did nothing and never will. */
export function rejected(
  code: Code | RoutingCode,
  message: string,
  more: { readonly leader?: NodeId; readonly waitMs?: number; readonly applied?: number } = {}
): Answered {
  const { leader = '', waitMs = 0, applied = 0 } = more
  return { outcome: 'rejected', code, message, applied, leader, waitMs, body: NOTHING }
}

/** This copy is in a log and may yet be applied. */
export function unknown(message: string): Answered {
  const code = 'unknown_outcome'
  return { outcome: 'unknown', code, message, applied: 0, leader: '', waitMs: 0, body: NOTHING }
}

/** The command in a request; undefined: it is garbled, and the asker was told. */
export function readCommand(bytes: Uint8Array, asker: Asker): Command | undefined {
  try {
    return decodeCommand(bytes)
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    asker.respond(rejected('invalid_argument', error.message))
    return undefined
  }
}

const REJECTED = {
  session_expired: 'the session is not known here and its basis is too old to open it',
  stale_request: 'this request was acknowledged before',
  overloaded: 'the table of sessions or results is full'
} as const

/** What applying a command answered, as of `applied`. */
export function commandAnswer(applied: number, answer: Given): Answered {
  if (answer.type === 'rejected') {
    return rejected(answer.code, REJECTED[answer.code], { applied: answer.applied, waitMs: 100 })
  }
  const writer = new ByteWriter(32)
  writeResult(writer, answer.result)
  return ok(applied, writer.finish())
}

/** What a `scan` request asks for; undefined: it is garbled, and the asker was told. */
export function readScan(bytes: Uint8Array, asker: Asker): ScanRequest | undefined {
  try {
    return decodeScan(bytes)
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    asker.respond(rejected('invalid_argument', error.message))
    return undefined
  }
}

/** The transaction that an `outcome` request asks for; undefined: it is garbled. */
export function readOutcomeRequest(bytes: Uint8Array): TransactionId | undefined {
  try {
    const reader = new ByteReader(bytes)
    const id = readTransactionId(reader)
    reader.end()
    return id
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return undefined
  }
}

export function outcomeAnswer(
  { transactions, applied }: StateMachine,
  id: TransactionId
): Answered {
  const writer = new ByteWriter(8)
  writeResult(writer, transactions.outcome(id))
  return ok(applied.index, writer.finish())
}
