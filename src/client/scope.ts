import type { ReadRecord } from '../wire/read-body.ts'
import type { Codec, Entry, Key, KeyEntry, Range } from './api.ts'
import { checkCodec, checkKey, checkNames, keyPart } from './arguments.ts'
import { UndecodableError } from './errors.ts'
import { type Spanned, spanOf } from './ranges.ts'

/** Keys that are not UTF-8 show replacement characters. */
const lenient = new TextDecoder('utf-8', { ignoreBOM: true })

/** The keys that begin with a prefix, and how their values are read and written. */
export class Scope<V> {
  readonly codec: Codec<V>
  readonly #prefix: Uint8Array

  constructor(codec: Codec<V>, prefix: Uint8Array = new Uint8Array(0)) {
    this.codec = codec
    this.#prefix = prefix
  }

  /** Throws what is wrong with the arguments. */
  within<W>(prefix: Key, options: { codec?: Codec<W> } | undefined): Scope<W> {
    if (options !== undefined) checkNames(options, ['codec'])
    const whole = new Uint8Array([...this.#prefix, ...keyPart(prefix)])
    // Without a codec of its own W is V: the type parameter's default.
    return new Scope(checkCodec(options?.codec) ?? (this.codec as unknown as Codec<W>), whole)
  }

  /** See checkKey. */
  whole(key: Key): Uint8Array {
    return checkKey(this.#prefix, key)
  }

  /** The keys that `range` names, and what they all begin with. Throws what is wrong with it. */
  ranged(range: Range): Spanned {
    return spanOf(this.#prefix, range)
  }

  /** A whole key as this scope calls it. Requires: it begins with the prefix. */
  shown(key: Uint8Array): Named<V> {
    const keyBytes = key.slice(this.#prefix.length)
    return new Named(this.codec, lenient.decode(keyBytes), keyBytes)
  }

  /** A caller may change the array while it waits: it is read before. */
  named(key: Key): Named<V> {
    const keyBytes = keyPart(key).slice()
    const text = typeof key === 'string' ? key : lenient.decode(keyBytes)
    return new Named(this.codec, text, keyBytes)
  }
}

/** A key as its caller calls it. */
export class Named<V> {
  readonly #codec: Codec<V>
  readonly #text: string
  readonly #bytes: Uint8Array

  constructor(codec: Codec<V>, text: string, bytes: Uint8Array) {
    this.#codec = codec
    this.#text = text
    this.#bytes = bytes
  }

  /** Throws UndecodableError. */
  entry<T extends V>(record: ReadRecord | undefined): Entry<T> | undefined {
    if (record === undefined) return undefined
    const { revision, expiresInMs } = record
    const expiry = expiresInMs === undefined ? {} : { expiresIn: expiresInMs }
    const value = this.#decode<T>(record)
    return { key: this.#text, keyBytes: this.#bytes, value, revision, ...expiry }
  }

  /** The same without a value. */
  keyEntry({ revision, expiresInMs }: ReadRecord): KeyEntry {
    const expiry = expiresInMs === undefined ? {} : { expiresIn: expiresInMs }
    return { key: this.#text, keyBytes: this.#bytes, revision, ...expiry }
  }

  #decode<T extends V>({ value, revision }: ReadRecord): T {
    // Codecs may keep what they get, and the frame should not live as long.
    const stored = new Uint8Array(value)
    try {
      return this.#codec.decode(stored) as T
    } catch (cause) {
      throw new UndecodableError(this.#text, { bytes: stored, revision }, cause)
    }
  }
}
