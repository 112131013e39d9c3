import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests of one connection that wait for earlier ones. A caller who sends more is refused. */
const WAITING_MAX = 1_024

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

interface Waiting extends Exchange {
  readonly run: () => void
}

/** What one connection has under way. */
interface Line {
  reads: number
  /** At most one, and then no reads. */
  change: IncomingMessage | undefined
  readonly waiting: Waiting[]
  /** Whose head came last. */
  last: Exchange | undefined
  /** Set when nothing more can be understood: what is left to do after the last answer. */
  ending: (() => void) | undefined
}

/**
 * Pipelined requests of one connection, in the order they came (RFC 9112 §9.3.2): a change waits
 * for the answers to all before it, and all after it wait for its answer. Reads next to each other
 * run together. Without this a change whose body is still read is overtaken by what follows it.
 */
export class RequestOrder {
  readonly #lines = new WeakMap<Socket, Line>()

  /**
   * Calls `run` when it is the turn of `request`, at once if nothing is before it; never if the
   * caller hangs up first. False: too many are waiting already.
   */
  enter(request: IncomingMessage, response: ServerResponse, run: () => void): boolean {
    const line = this.#lineOf(request.socket)
    const one = { request, response, run }
    line.last = one
    // We hung up already: no answer can leave any more, so it shall not be done.
    if (!request.socket.writable) return true
    if (line.waiting.length === 0 && admits(line, request)) begin(line, one)
    else if (line.waiting.length < WAITING_MAX) line.waiting.push(one)
    else return false
    return true
  }

  /**
   * What comes on `socket` cannot be understood any more. Calls `run` once, after the answers to
   * all requests that came whole: written before, it would be taken for the answer to one of them.
   * `owed`: the request that broke off, or what stands in the place of one, has no answer yet.
   */
  end(socket: Socket, run: (owed: boolean) => void): void {
    const line = this.#lineOf(socket)
    if (line.ending !== undefined) return
    line.ending = () => run(!isAnswered(line.last))
    if (line.waiting.at(-1)?.request.complete === false) line.waiting.pop()
    // It is the one that broke off: nobody else will answer it.
    if (line.change?.complete === false) finish(line)
    else proceed(line)
  }

  /** `request` has its answer without having entered. */
  answered(request: IncomingMessage, response: ServerResponse): void {
    this.#lineOf(request.socket).last = { request, response }
  }

  /** Whether no request of `socket` is under way. */
  isIdle(socket: Socket): boolean {
    const line = this.#lines.get(socket)
    return line === undefined || (line.reads === 0 && line.change === undefined)
  }

  /** Whether all of the request that came last on `socket` is here. */
  isWhole(socket: Socket): boolean {
    return this.#lines.get(socket)?.last?.request.complete ?? true
  }

  #lineOf(socket: Socket): Line {
    const known = this.#lines.get(socket)
    if (known !== undefined) return known
    const line: Line = {
      reads: 0,
      change: undefined,
      waiting: [],
      last: undefined,
      ending: undefined
    }
    this.#lines.set(socket, line)
    return line
  }
}

/** Some requests are judged by their head: they can break off after their answer. */
function isAnswered(broken: Exchange | undefined): boolean {
  return broken?.request.complete === false && broken.response.writableEnded
}

function begin(line: Line, { request, response, run }: Waiting): void {
  const reads = isRead(request)
  if (reads) line.reads++
  else line.change = request
  // Told once, after the answer left or the caller hung up.
  response.on('close', () => {
    if (reads) line.reads--
    else line.change = undefined
    proceed(line)
  })
  run()
}

function proceed(line: Line): void {
  for (let next = line.waiting[0]; next !== undefined; next = line.waiting[0]) {
    // No answer can leave any more: what has not begun surely did nothing, and shall not.
    if (!next.request.socket.writable) line.waiting.length = 0
    else if (!admits(line, next.request)) return
    else {
      line.waiting.shift()
      begin(line, next)
    }
  }
  if (line.reads === 0 && line.change === undefined) finish(line)
}

function finish(line: Line): void {
  const { ending } = line
  if (ending === undefined) return
  line.ending = () => {}
  ending()
}

function admits(line: Line, request: IncomingMessage): boolean {
  return line.change === undefined && (line.reads === 0 || isRead(request))
}

function isRead({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD'
}
