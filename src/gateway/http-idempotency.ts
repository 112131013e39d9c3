import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Step, TransactionRequest } from '../client/transactor-types.ts'
import { ByteWriter } from '../wire/bytes.ts'
import { type DataOperation, encodeOperation } from '../wire/data-operation.ts'
import { ONCE_LIFE_MS } from '../wire/limits.ts'
import { type Check, writeCheck } from '../wire/transaction.ts'
import { BadRequest } from './bad-request.ts'
import type { Repeatable } from './idempotency.ts'

/** No operation begins with it: a change and a transaction never have one digest. */
const TRANSACTION = 0xff
const GET = 0

/** `text` as Node.js gives it: a character for each byte. `time` of the cluster, ms since 1970. */
export function repeatableOf(text: string, time: number): Repeatable {
  return { key: Buffer.from(text, 'latin1'), notAfter: time + ONCE_LIFE_MS }
}

/** By the header of `request`, if it has one, which came at `time`. Throws BadRequest. */
export function repeatableBy(
  { raw }: FastifyRequest,
  { 'idempotency-key': key }: { readonly 'idempotency-key'?: string },
  time: () => number
): Repeatable | undefined {
  if (key === undefined) return undefined
  if (raw.headersDistinct['idempotency-key']?.length === 1) return repeatableOf(key, time())
  throw new BadRequest('Idempotency-Key is given twice')
}

/** All that makes a change what it is: method, key, value, ttl and conditions. */
export function digestOf(operation: DataOperation): Uint8Array {
  return createHash('sha256').update(encodeOperation(operation)).digest()
}

/** All that makes a transaction what it is, in its order; not how its JSON was spelled. */
export function digestOfTransaction(request: TransactionRequest): Uint8Array {
  const { if: checks, steps, otherwise } = request
  const hash = createHash('sha256').update(headOf(checks))
  for (const list of [steps, otherwise]) {
    hash.update(new ByteWriter(8).varint(list.length).finish())
    for (const step of list) hash.update(encodedStep(step))
  }
  return hash.digest()
}

function headOf(checks: readonly Check[]): Uint8Array {
  const writer = new ByteWriter(64).u8(TRANSACTION).varint(checks.length)
  for (const check of checks) writeCheck(writer, check)
  return writer.finish()
}

/** With its length: where one ends the next begins. */
function encodedStep(step: Step): Uint8Array {
  const encoded =
    step.type === 'get'
      ? new ByteWriter(step.key.length + 1).u8(GET).raw(step.key).finish()
      : encodeOperation(step)
  return new ByteWriter(encoded.length + 8).bytes(encoded).finish()
}
