import { expect } from 'vitest'
import { countLost } from '../../cluster/readback.ts'
import { put } from './harness.ts'

const WRITERS = 8

/**
 * Writers that put one new key after the other, each through whichever node still answers. What was
 * acknowledged is kept: it must never be missed again.
 */
export class Load {
  readonly acknowledged: string[] = []
  /** Answers and hang-ups that acknowledged nothing: what they were about may exist or not. */
  unanswered = 0
  readonly #urls: () => readonly string[]
  readonly #name: string
  readonly #writers: Promise<void>[]
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = []
  #stopped = false

  constructor(name: string, urls: () => readonly string[]) {
    this.#name = name
    this.#urls = urls
    this.#writers = Array.from({ length: WRITERS }, (_, writer) => this.#write(writer))
  }

  /** Resolves when `count` more writes are acknowledged than now. */
  more(count: number): Promise<void> {
    const target = this.acknowledged.length + count
    return new Promise((resolve) => this.#waiting.push({ count: target, resolve }))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#writers)
  }

  async #write(writer: number): Promise<void> {
    for (let i = 0; !this.#stopped; i++) {
      const key = `${this.#name}-${writer}-${i}`
      const urls = this.#urls()
      const url = urls[(writer + i) % urls.length] as string
      const status = await put(url, key, `value of ${key}`).then(
        (answer) => answer.status,
        // The process behind that address is gone, and what it had begun is unknown.
        () => 0
      )
      if (status === 200) this.#note(key)
      else this.unanswered++
    }
  }

  #note(key: string): void {
    this.acknowledged.push(key)
    while (this.#waiting.some(({ count }) => count <= this.acknowledged.length)) {
      const due = this.#waiting.findIndex(({ count }) => count <= this.acknowledged.length)
      this.#waiting.splice(due, 1)[0]?.resolve()
    }
  }

  /** Every acknowledged write is read back through each of `urls`. */
  async expectAll(urls: readonly string[]): Promise<void> {
    const records = this.acknowledged.map((key) => ({ key, value: `value of ${key}` }))
    let read = 0
    for (const url of urls) expect(await countLost(url, records, () => read++)).toBe(0)
    expect(read).toBe(urls.length * records.length)
  }
}
