import { ByteWriter } from '../wire/bytes.ts'
import type { NodeId } from '../wire/ids.ts'
import { writeLockName, writeLockPlace } from '../wire/lock.ts'
import { encodeScan } from '../wire/scan.ts'
import { writeTransactionId } from '../wire/transaction.ts'
import type { Random } from '../world/random.ts'
import { type Call, needsLeader } from './calls.ts'
import type { CallOperation, ClientInput } from './inputs.ts'

/** An answer owed for so long makes us ask elsewhere, too. */
const PATIENCE_MS = 1_000
/** For a read that any replica answers: another one may be well. */
const READ_PATIENCE_MS = 200
/** What waits for others is not answered sooner for being asked elsewhere. */
const PARKED_PATIENCE_MS = Number.POSITIVE_INFINITY
const NOBODY: readonly NodeId[] = []
const NOTHING = new Uint8Array(0)

/** A call as it begins, before anybody looked for its way. */
export function newCall(
  input: ClientInput & { readonly type: 'call' },
  now: number,
  random: Random
): Call {
  const { operation } = input
  const isNear = !needsLeader({ operation })
  return {
    type: 'call',
    at: 0,
    slot: -1,
    id: input.call,
    operation,
    timeoutMs: input.timeoutMs,
    deadline: now + input.timeoutMs,
    trace: input.trace ?? '',
    principal: input.principal ?? '',
    admitted: input.admitted ?? false,
    state: 'waiting',
    route: undefined,
    plan: undefined,
    body: bodyOf(operation),
    ticket: undefined,
    copies: [],
    inDoubt: false,
    attempt: 0,
    refusal: undefined,
    resumeAt: 0,
    patienceMs: patienceFor(operation, input.timeoutMs),
    impatientAt: 0,
    turn: isNear ? random.below(0x1_0000) : 0,
    refusers: NOBODY
  }
}

function patienceFor(operation: CallOperation, timeoutMs: number): number {
  // Nobody else is asked the same.
  if (operation.kind === 'watch') return timeoutMs
  if (operation.kind === 'await-grant') return PARKED_PATIENCE_MS
  return needsLeader({ operation }) ? PATIENCE_MS : READ_PATIENCE_MS
}

/** Undefined: it gets a number first. */
function bodyOf(operation: CallOperation): Uint8Array | undefined {
  switch (operation.kind) {
    case 'get':
      return operation.key
    case 'scan':
      return encodeScan(operation.scan)
    case 'forward':
      return operation.command
    case 'watch':
      return operation.question
    case 'position':
      return NOTHING
    case 'outcome': {
      const writer = new ByteWriter(32)
      writeTransactionId(writer, operation.of)
      return writer.finish()
    }
    case 'lock-view': {
      const writer = new ByteWriter(operation.key.length + 8)
      writeLockName(writer, operation)
      return writer.finish()
    }
    case 'await-grant': {
      const writer = new ByteWriter(operation.key.length + 16)
      writeLockPlace(writer, operation)
      return writer.finish()
    }
    default:
      return undefined
  }
}
