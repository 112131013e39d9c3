import { type Server, STATUS_CODES } from 'node:http'
import { Server as Listener, type Socket } from 'node:net'
import type { Failure } from '../wire/failure.ts'
import type { RequestOrder } from './http-order.ts'
import { problemOf } from './problem.ts'

/** Long enough for every caller who is at work to come once more. */
const PARTING_MS = 250
/**
 * For a caller to read our last word: where bytes of his wait unread, a closed socket answers with
 * a reset, which takes the word away from him. Who does not hang up either by then is cut off,
 * unless he is still sending what we refused: he may not look up before he is done.
 */
const LINGER_MS = 500
const LINGER_MS_MAX = 10_000

/** As many as wait to be let in, with Node.js. */
const BACKLOG = 511

/** Says why without Fastify, if the caller still listens and is owed a word, and hangs up. */
export function hangUp(socket: Socket, failed?: Failure): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  let { bytesRead } = socket
  let lingeredMs = 0
  const late = setInterval(() => {
    lingeredMs += LINGER_MS
    const isSilent = socket.bytesRead === bytesRead
    bytesRead = socket.bytesRead
    if (isSilent || lingeredMs >= LINGER_MS_MAX) socket.destroy()
  }, LINGER_MS)
  socket.on('close', () => clearInterval(late))
  // Whatever still comes is dropped.
  socket.resume()
  if (failed === undefined) socket.end()
  else socket.end(lastAnswer(failed))
}

function lastAnswer(failed: Failure): string {
  const { status, body } = problemOf(failed)
  const text = JSON.stringify(body)
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
    'content-type: application/json; charset=utf-8\r\n' +
    `content-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`
  )
}

/** The connections of a server, and how they end. */
export class Connections {
  readonly #server: Server
  readonly #order: RequestOrder
  readonly #open = new Set<Socket>()
  /** How many there were. */
  #met = 0

  constructor(server: Server, order: RequestOrder) {
    this.#server = server
    this.#order = order
    server.on('connection', (socket) => {
      this.#met++
      this.#open.add(socket)
      // So Node.js closes after a last answer, at once, also under a caller who is still sending.
      const close = socket.destroySoon.bind(socket)
      socket.destroySoon = () => (order.isWhole(socket) ? close() : hangUp(socket))
      socket.on('close', () => this.#open.delete(socket))
    })
  }

  /**
   * Takes no new connection; whoever is connected is served once more, told with the answer that it
   * was the last, and in the end hung up on. What is left after `graceMs` is cut off.
   */
  async end(graceMs: number): Promise<void> {
    await this.#letIn()
    // Not the method of the HTTP server: it would cut off whoever has not begun a request yet.
    const ended = new Promise((resolve) => Listener.prototype.close.call(this.#server, resolve))
    const late = setTimeout(() => this.#cutOff(), graceMs)
    this.#server.prependListener('request', (_request, response) => {
      response.setHeader('connection', 'close')
    })
    await new Promise((resolve) => setTimeout(resolve, Math.min(PARTING_MS, graceMs)))
    this.#hangUpIdle()
    // Who was at work then was told that the connection lives on, and may keep it.
    const again = setInterval(() => this.#hangUpIdle(), PARTING_MS)
    await ended
    clearInterval(again)
    clearTimeout(late)
  }

  #hangUpIdle(): void {
    for (const socket of this.#open) {
      if (socket.writable && this.#order.isIdle(socket)) hangUp(socket)
    }
  }

  /**
   * The kernel has connected callers of whom Node.js takes one each turn of the event loop; when it
   * listens no more, the rest is reset.
   */
  async #letIn(): Promise<void> {
    for (let turns = 0, known = -1; turns < BACKLOG && this.#met > known; turns++) {
      known = this.#met
      // The first comes before this turn has looked at the network, the second after.
      await turn()
      await turn()
    }
  }

  #cutOff(): void {
    for (const socket of this.#open) socket.destroy()
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
