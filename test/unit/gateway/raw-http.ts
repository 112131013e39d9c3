import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A connection on which requests are written as they are. */
export class RawHttp {
  readonly #socket: Socket
  readonly #ended: Promise<unknown>
  #text = ''

  constructor(url: URL) {
    this.#socket = connect(Number(url.port), '127.0.0.1')
    this.#socket.on('error', () => {})
    this.#socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString()
    })
    this.#ended = once(this.#socket, 'close')
  }

  write(text: string): void {
    this.#socket.write(text)
  }

  /** What came so far. */
  get text(): string {
    return this.#text
  }

  /** The statuses that came so far. */
  get statuses(): number[] {
    return [...this.#text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]))
  }

  hangUp(): void {
    this.#socket.destroy()
  }

  /** All that came, after the other side closed the connection. */
  async end(): Promise<string> {
    await this.#ended
    return this.#text
  }
}

export const LAST = 'connection: close\r\n'

/** One request; `head` are further header lines. */
export function lines(start: string, head = '', body = ''): string {
  const length = body === '' ? '' : `content-length: ${body.length}\r\n`
  return `${start} HTTP/1.1\r\nhost: localhost\r\n${length}${head}\r\n${body}`
}
