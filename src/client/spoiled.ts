import { invalid } from './errors.ts'

/** Arrays and objects within one another; both formats refuse more, so what is written is read. */
export const DEPTH_MAX = 1_000

/** What a format does to values. */
export interface Format {
  readonly name: string
  /**
   * Whether a value comes back as it was; undefined: an object or array, whose parts are asked.
   * Names of properties are asked, too.
   */
  keeps(value: unknown): boolean | undefined
}

/**
 * Throws invalid_argument at the first part of `value` that `format` would change, and says where
 * it is. Beyond what the format keeps by itself: arrays and plain objects that are no part of
 * themselves, without holes, hidden properties or symbols for names.
 */
export function refuseSpoiled(value: unknown, format: Format): void {
  new Check(format).value(value, 'the value')
}

class Check {
  readonly #format: Format
  /** The objects around the one looked at. Few: a list is faster than a set. */
  readonly #around: object[] = []

  constructor(format: Format) {
    this.#format = format
  }

  value(value: unknown, path: string): void {
    const kept = this.#format.keeps(value)
    if (kept === true) return
    if (kept === false || typeof value !== 'object' || value === null) {
      const what = typeof value === 'string' ? 'half a surrogate pair' : nameOf(value)
      throw this.#spoiled(path, what)
    }
    if (this.#around.includes(value)) throw this.#spoiled(path, 'part of itself')
    if (this.#around.push(value) > DEPTH_MAX) {
      throw invalid(`the value is nested deeper than ${DEPTH_MAX} levels; make it flatter`)
    }
    if (Array.isArray(value)) this.#array(value, path)
    else this.#object(value as Record<string, unknown>, path)
    this.#around.pop()
  }

  #array(array: readonly unknown[], path: string): void {
    if (!isPlainArray(array)) throw this.#spoiled(path, nameOf(array))
    for (let i = 0; i < array.length; i++) {
      // Most parts of most arrays: no path is made for them.
      if (this.#format.keeps(array[i]) !== true) this.value(array[i], `${path}[${i}]`)
    }
    // A hole is undefined, so it was refused above: any other number means names that are no index.
    if (Object.keys(array).length !== array.length) {
      throw this.#spoiled(path, 'an array with named properties')
    }
  }

  #object(object: Readonly<Record<string, unknown>>, path: string): void {
    if (!isPlain(object)) throw this.#spoiled(path, nameOf(object))
    const names = Object.keys(object)
    for (const name of names) {
      if (this.#format.keeps(name) !== true) throw this.#spoiled(path, 'an object with such a name')
      const part = object[name]
      if (this.#format.keeps(part) !== true) this.value(part, `${path}.${name}`)
    }
    if (Reflect.ownKeys(object).length !== names.length) {
      throw this.#spoiled(path, 'an object with symbols for names or hidden properties')
    }
  }

  #spoiled(path: string, what: string): Error {
    const { name } = this.#format
    return invalid(
      `${path} is ${what}, which ${name} cannot bring back; convert it first or use another codec`
    )
  }
}

/** Of whichever realm: a test runner may have one of its own. */
function isPlainArray(array: readonly unknown[]): boolean {
  const prototype: object | null = Object.getPrototypeOf(array)
  return prototype === Array.prototype || (prototype !== null && Object.hasOwn(prototype, 'concat'))
}

function isPlain(object: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(object)
  if (prototype === Object.prototype || prototype === null) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}

/** For messages. */
export function nameOf(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (typeof value !== 'object') return typeof value
  const maker = (value as { constructor?: { name?: string } }).constructor
  return `a ${maker?.name || 'object'}`
}
