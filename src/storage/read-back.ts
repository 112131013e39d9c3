import { Malformed } from '../wire/bytes.ts'
import type { Place } from './group-index.ts'
import { damaged } from './log-corrupt.ts'
import { EntryCursor } from './payloads.ts'
import { HEADER_BYTES, RecordKind, RecordReader } from './records.ts'
import { segmentName } from './recovery.ts'

/** The entries of the record at `place`, as `bytes` show it now. Throws LogCorrupt. */
export function cursorOf(bytes: Uint8Array, place: Place): EntryCursor {
  const header = new RecordReader(bytes).at(0)
  const hasEntries = header?.kind === RecordKind.entries || header?.kind === RecordKind.moved
  if (header?.length !== place.length || !hasEntries) {
    throw changed(place, 'a record changed since it was written')
  }
  try {
    return new EntryCursor(bytes.subarray(HEADER_BYTES))
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    throw changed(place, error.message)
  }
}

const changed = ({ segment, offset }: Place, what: string): Error =>
  damaged(segmentName(segment), offset, what)
