import { ByteReader, ByteWriter, Malformed } from '../wire/bytes.ts'
import { COMMAND_BYTES_MAX, FRAME_BODY_BYTES_MAX } from '../wire/limits.ts'

/** What a command entry carries: everything a leader gathered in one turn. */
export interface EntryBody {
  readonly version: number
  /** The leader's clock, milliseconds since 1970. */
  readonly time: number
  /** Encoded commands, in the order they apply; views into the entry. */
  readonly commands: Uint8Array[]
}

const BODY_VERSION = 1

/** Layout: version u8 · time varint · count varint · each command with its length before it. */
export function encodeBody(time: number, commands: readonly Uint8Array[]): Uint8Array {
  let size = 1 + 8 + 8
  for (const command of commands) size += command.length + 4
  const writer = new ByteWriter(size)
  writer.u8(BODY_VERSION).varint(time).varint(commands.length)
  for (const command of commands) writer.bytes(command)
  // Of its own: an entry stays in the tail of a quiet log for hours, and must not keep a block.
  return writer.finish().slice()
}

/** Throws Malformed. The commands are views into `bytes`. */
export function decodeBody(bytes: Uint8Array): EntryBody {
  if (bytes.length > FRAME_BODY_BYTES_MAX) throw new Malformed('entry too large')
  const reader = new ByteReader(bytes)
  const version = reader.u8()
  if (version !== BODY_VERSION) throw new Malformed(`unknown entry version ${version}`)
  const time = reader.varint()
  const count = reader.varint()
  if (count > reader.remaining) throw new Malformed(`${count} commands in too few bytes`)
  const commands: Uint8Array[] = []
  for (let i = 0; i < count; i++) commands.push(reader.bytes(COMMAND_BYTES_MAX))
  reader.end()
  return { version, time, commands }
}
