import { connect, type Socket } from 'node:net'

/** What one request came to. */
export interface HttpAnswer {
  /** 0: the connection broke before the answer was there. */
  readonly status: number
  /** Status and headers in lower case; '' when there was no answer. */
  readonly head: string
  readonly body: string
  /** There was no connection at all: the server knows nothing of the request. */
  readonly isUnsent: boolean
}

const HEAD_END = '\r\n\r\n'

/**
 * One connection, one request at a time, and little CPU: it knows just what nodes answer, which
 * always say how long a body is. Connects anew when the other end closed it.
 */
export class HttpConnection {
  readonly #host: string
  readonly #port: number
  readonly #common: string
  #socket: Socket | undefined
  #isConnected = false
  #received = ''
  #answer: ((answer: HttpAnswer) => void) | undefined

  /** `headers` go along with every request, each line ended by CR LF. */
  constructor(url: string, headers = '') {
    const { hostname, port } = new URL(url)
    this.#host = hostname
    this.#port = Number(port)
    this.#common = `host: ${hostname}:${port}\r\n${headers}`
  }

  /**
   * Resolves always. `headers` as for the constructor. Requires: the answer to the one before has
   * come.
   */
  request(method: string, path: string, body = '', headers = ''): Promise<HttpAnswer> {
    const length = method === 'GET' ? '' : `content-length: ${Buffer.byteLength(body)}\r\n`
    const head = `${method} ${path} HTTP/1.1\r\n${this.#common}${headers}${length}`
    return new Promise((resolve) => {
      this.#answer = resolve
      this.#socket ??= this.#open()
      this.#socket.write(`${head}\r\n${body}`)
    })
  }

  /** Whoever waits for an answer is told that the connection broke. */
  close(): void {
    this.#socket?.destroy()
  }

  #open(): Socket {
    const socket = connect(this.#port, this.#host).setNoDelay(true).setEncoding('latin1')
    this.#isConnected = false
    socket.once('connect', () => {
      this.#isConnected = true
    })
    socket.on('data', (text: string) => {
      this.#received += text
      this.#look(socket)
    })
    socket.on('error', (error) => this.#gone(socket, error.message))
    socket.on('close', () => this.#gone(socket, 'the connection was closed'))
    return socket
  }

  #look(socket: Socket): void {
    const end = this.#received.indexOf(HEAD_END)
    if (end < 0) return
    const head = this.#received.slice(0, end).toLowerCase()
    const length = Number(/\r\ncontent-length: *(\d+)/.exec(head)?.[1] ?? 0)
    const bodyAt = end + HEAD_END.length
    if (this.#received.length < bodyAt + length) return
    const body = this.#received.slice(bodyAt, bodyAt + length)
    if (/\r\nconnection: *close/.test(head)) this.#drop(socket)
    this.#give({ status: Number(head.slice(9, 12)), head, body, isUnsent: false })
  }

  #gone(socket: Socket, why: string): void {
    if (this.#socket !== socket) return
    const isUnsent = !this.#isConnected
    this.#drop(socket)
    this.#give({ status: 0, head: '', body: why, isUnsent })
  }

  #drop(socket: Socket): void {
    this.#socket = undefined
    socket.destroy()
  }

  #give(answer: HttpAnswer): void {
    this.#received = ''
    const give = this.#answer
    this.#answer = undefined
    give?.(answer)
  }
}
