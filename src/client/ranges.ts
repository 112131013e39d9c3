import { partitionOfPrefix } from '../keyspace/hash.ts'
import { compareBytes, concatBytes } from '../wire/bytes.ts'
import { failure } from '../wire/failure.ts'
import { type GroupId, groupOfPartition } from '../wire/ids.ts'
import { KEY_BYTES_MAX } from '../wire/limits.ts'
import { type KeySpan, spanOfPrefix } from '../wire/scan.ts'
import type { Key, Range } from './api.ts'
import { keyPart } from './arguments.ts'
import { errorOf } from './errors.ts'

/** Keys of a span, and what all of them begin with. */
export interface Spanned {
  readonly span: KeySpan
  readonly prefix: Uint8Array
}

/** The keys that `range` names behind `prefix`. Throws what is wrong with it. */
export function spanOf(prefix: Uint8Array, range: Range): Spanned {
  const whole = boundOf(prefix, range.prefix ?? '')
  let { start, end } = spanOfPrefix(whole)
  if (range.start !== undefined) {
    const from = boundOf(prefix, range.start)
    if (compareBytes(from, start) > 0) start = from
  }
  if (range.end !== undefined) {
    const to = boundOf(prefix, range.end)
    if (end === undefined || compareBytes(to, end) < 0) end = to
  }
  return { span: { start, end }, prefix: whole }
}

function boundOf(prefix: Uint8Array, key: Key): Uint8Array {
  const bound = concatBytes([prefix, keyPart(key)])
  if (bound.length <= KEY_BYTES_MAX) return bound.slice()
  const message = `a key of ${bound.length} bytes; ${KEY_BYTES_MAX} may be`
  throw errorOf(failure('too_large', message))
}

/** The groups that hold keys of `span`, all of which begin with `prefix`. */
export function groupsOf({ span, prefix }: Spanned, partitions: number): readonly GroupId[] {
  if (span.end !== undefined && compareBytes(span.start, span.end) >= 0) return []
  const only = partitionOfPrefix(prefix, partitions)
  if (only !== undefined) return [groupOfPartition(only)]
  return Array.from({ length: partitions }, (_, partition) => groupOfPartition(partition))
}
