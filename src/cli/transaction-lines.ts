import type { Step, TransactionRequest } from '../client/transactor-types.ts'
import { sized } from '../gateway/json-bytes.ts'
import { InvalidOptions } from '../node/options.ts'
import { utf8 } from '../wire/bytes.ts'
import { TTL_MS_MAX } from '../wire/limits.ts'
import type { Check } from '../wire/transaction.ts'
import { durationMs } from './duration.ts'
import { base64urlBytes } from './keys.ts'

// Transactions as people write them: a line is a condition, an operation or `else`.

/**
 * Reads all lines; with `isBase64url` every KEY is that. Throws InvalidOptions or BadRequest, which
 * tell the line.
 */
export function readLines(text: string, isBase64url: boolean): TransactionRequest {
  const checks: Check[] = []
  const branches: [steps: Step[], otherwise: Step[]] = [[], []]
  const [steps, otherwise] = branches
  let branch = steps
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    const at = new Line(`line ${i + 1}`, isBase64url, wordsOf(line, `line ${i + 1}`))
    const first = at.verb()
    if (first === undefined) continue
    if (first === 'else') {
      if (branch === otherwise) at.refuse('a second else')
      at.end()
      branch = otherwise
    } else if (first === 'if') {
      if (branch === otherwise) at.refuse('conditions stand before else')
      checks.push(at.check())
    } else branch.push(at.step(first))
  }
  return { if: checks, steps, otherwise }
}

/** One line, read word by word. */
class Line {
  readonly #where: string
  readonly #isBase64url: boolean
  readonly #words: readonly string[]
  #next = 0

  constructor(where: string, isBase64url: boolean, words: readonly string[]) {
    this.#where = where
    this.#isBase64url = isBase64url
    this.#words = words
  }

  /** The first word; undefined: the line is empty. */
  verb(): string | undefined {
    return this.#words[this.#next++]
  }

  check(): Check {
    const key = this.#key()
    const what = this.#words[this.#next++]
    const check = this.#checkOf(key, what)
    this.end()
    return check
  }

  step(verb: string): Step {
    const step = this.#stepOf(verb)
    this.end()
    return step
  }

  /** Refuses whatever is left. */
  end(): void {
    const more = this.#words[this.#next]
    if (more === undefined) return
    this.refuse(`too much: ${JSON.stringify(more)}; quote what has spaces`)
  }

  refuse(what: string): never {
    throw new InvalidOptions(`${this.#where}: ${what}`)
  }

  #checkOf(key: Uint8Array, what: string | undefined): Check {
    switch (what) {
      case 'revision':
        return { type: 'revision', key, revision: this.#revision() }
      case 'exists':
        return { type: 'exists', key, exists: true }
      case 'absent':
        return { type: 'exists', key, exists: false }
      case '=':
        return { type: 'value', key, value: this.#value() }
      case 'lock':
        return { type: 'lock', key, guard: false, token: this.#token() }
      default:
        return this.refuse(
          'after the key of a condition comes revision R, exists, absent, = VALUE or lock TOKEN'
        )
    }
  }

  #stepOf(verb: string): Step {
    switch (verb) {
      case 'put': {
        const key = this.#key()
        const value = this.#value()
        return { type: 'put', key, value, ...this.#ttl() }
      }
      case 'delete':
        return { type: 'delete', key: this.#key() }
      case 'get':
        return { type: 'get', key: this.#key() }
      case 'increment':
        return { type: 'increment', key: this.#key(), by: this.#by() }
      default:
        return this.refuse(
          `${JSON.stringify(verb)} is no operation; there are if, put, delete, get, increment, else`
        )
    }
  }

  #word(what: string): string {
    return this.#words[this.#next++] ?? this.refuse(`${what} is missing`)
  }

  #key(): Uint8Array {
    const word = this.#word('KEY')
    const key = this.#isBase64url ? base64urlBytes(word) : utf8(word)
    if (key === undefined) this.refuse(`${JSON.stringify(word)} is not base64url without padding`)
    return sized(key, 'key', this.#where)
  }

  #value(): Uint8Array {
    return sized(utf8(this.#word('VALUE')), 'value', this.#where)
  }

  #ttl(): { readonly ttlMs?: number } {
    if (this.#words[this.#next] !== 'ttl') return {}
    this.#next++
    const word = this.#word('the TIME of ttl')
    const ttlMs = durationMs(word)
    if (ttlMs !== undefined && ttlMs >= 1 && ttlMs <= TTL_MS_MAX) return { ttlMs }
    return this.refuse(`not a time as in 500ms, 10s, 5m, 2h or 1d: ${word}`)
  }

  #revision(): number {
    const word = this.#word('R')
    const revision = /^\d{1,16}$/.test(word) ? Number(word) : Number.NaN
    return Number.isSafeInteger(revision) ? revision : this.refuse(`not a revision: ${word}`)
  }

  #token(): number {
    const word = this.#word('TOKEN')
    const token = /^\d{1,16}$/.test(word) ? Number(word) : 0
    return Number.isSafeInteger(token) && token > 0 ? token : this.refuse(`not a token: ${word}`)
  }

  #by(): number {
    const word = this.#words[this.#next++] ?? '1'
    const by = /^[+-]?\d{1,16}$/.test(word) ? Number(word) : Number.NaN
    return Number.isSafeInteger(by) ? by : this.refuse(`not a whole number: ${word}`)
  }
}

/** White space, a comment, a word in either quotes, or a word without any. */
const TOKEN = /\s+|#.*|"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"']+/y

/** `"…"` has the escapes of JSON, `'…'` none. A `#` where a word could begin begins a comment. */
function wordsOf(line: string, where: string): readonly string[] {
  const words: string[] = []
  let isApart = true
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < line.length) {
    const from = TOKEN.lastIndex
    const [token] = TOKEN.exec(line) ?? []
    if (token === undefined) {
      throw new InvalidOptions(
        `${where}: a quote is open: ${JSON.stringify(line.slice(from, from + 20))}`
      )
    }
    const isSpace = /^\s/.test(token)
    if (!isSpace && !isApart) {
      throw new InvalidOptions(`${where}: a quote inside a word; put quotes around all of it`)
    }
    isApart = isSpace
    if (token.startsWith('#')) return words
    if (!isSpace) words.push(unquoted(token, where))
  }
  return words
}

function unquoted(token: string, where: string): string {
  if (token.startsWith("'")) return token.slice(1, -1)
  if (!token.startsWith('"')) return token
  let text: unknown
  try {
    text = JSON.parse(token)
  } catch {
    throw new InvalidOptions(`${where}: ${token.slice(0, 40)} has an escape that JSON has not`)
  }
  if (typeof text === 'string' && text.isWellFormed()) return text
  throw new InvalidOptions(`${where}: half a surrogate pair is not UTF-8`)
}
