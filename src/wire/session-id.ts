import { assert } from '../world/assert.ts'
import type { ByteReader, ByteWriter } from './bytes.ts'
import type { SessionId } from './ids.ts'

const HEX = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))

export function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += HEX[byte]
  return text
}

/** One sender writes the same session again and again. */
let written = { session: '', bytes: new Uint8Array(0) }

/** Sessions travel as 16 bytes and are named by their 32 hex digits. */
export function writeSession(writer: ByteWriter, session: SessionId): void {
  if (session !== written.session) {
    assert(/^[0-9a-f]{32}$/.test(session), `not a session id: ${session}`)
    const bytes = new Uint8Array(16)
    for (let i = 0; i < 16; i++) bytes[i] = Number.parseInt(session.slice(2 * i, 2 * i + 2), 16)
    written = { session, bytes }
  }
  writer.raw(written.bytes)
}

interface Named {
  readonly words: readonly [number, number, number, number]
  readonly session: SessionId
}

/**
 * Names of the sessions met last. A few sessions make most commands, and naming one costs as much
 * as reading all the rest of a command.
 */
const NAMED_MAX = 256
const named = new Array<Named | undefined>(NAMED_MAX).fill(undefined)

export function readSession(reader: ByteReader): SessionId {
  const [a, b, c, d] = [reader.u32(), reader.u32(), reader.u32(), reader.u32()]
  const at = d % NAMED_MAX
  const known = named[at]
  if (known !== undefined) {
    const { words } = known
    if (words[0] === a && words[1] === b && words[2] === c && words[3] === d) return known.session
  }
  const session = word(a) + word(b) + word(c) + word(d)
  named[at] = { words: [a, b, c, d], session }
  return session
}

const word = (value: number): string => value.toString(16).padStart(8, '0')
