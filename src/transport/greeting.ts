import { ByteReader, ByteWriter, Malformed } from '../wire/bytes.ts'
import { HELLO_BYTES_MAX } from '../wire/hello.ts'
import { hex } from '../wire/session-id.ts'

/** Around the hello of the node above. */
export const GREETING_BYTES_MAX = HELLO_BYTES_MAX + 32
const INSTANCE_BYTES = 8
const TYPE = { hello: 1, refused: 2 } as const

/**
 * The first frame of each side on a main stream. `number` counts the greetings of one `instance`
 * (one transport, from its open to its stop): two greetings of one peer can so be put in order,
 * whatever connections they came by.
 */
export type Greeting =
  | {
      readonly type: 'hello'
      readonly instance: string
      readonly number: number
      readonly hello: Uint8Array
    }
  /** The peer goes on with another connection between the two of us. */
  | { readonly type: 'refused' }

/** Layout: type u8 · instance 8 bytes · number varint · hello, to the end. */
export function encodeHello(instance: Uint8Array, number: number, hello: Uint8Array): Uint8Array {
  return new ByteWriter(hello.length + 32)
    .u8(TYPE.hello)
    .raw(instance)
    .varint(number)
    .raw(hello)
    .finish()
}

export const encodeRefused = (): Uint8Array => Uint8Array.of(TYPE.refused)

/** Throws Malformed. */
export function decodeGreeting(bytes: Uint8Array): Greeting {
  const reader = new ByteReader(bytes)
  const type = reader.u8()
  if (type === TYPE.refused) {
    reader.end()
    return { type: 'refused' }
  }
  if (type !== TYPE.hello) throw new Malformed(`unknown greeting ${type}`)
  const instance = hex(reader.raw(INSTANCE_BYTES))
  const number = reader.varint()
  const hello = reader.raw(reader.remaining)
  if (hello.length > HELLO_BYTES_MAX) throw new Malformed('hello too long')
  return { type: 'hello', instance, number, hello }
}
