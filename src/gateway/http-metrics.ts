import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { CODES, type Code } from '../wire/failure.ts'
import type { Logger } from '../world/log.ts'
import { gauge, labelled, type Metric } from '../world/metric.ts'
import { realClock } from '../world/real.ts'
import { Tally } from '../world/tally.ts'
import type { Calls } from './calls.ts'
import { beginTrace } from './http-trace.ts'
import { METRICS_TYPE, metricsText } from './metrics-text.ts'

/** How a request ended whose caller hung up before its answer had left: what nginx calls it. */
const HUNG_UP = '499'

/** With which code a request failed, for as long as its answer is under way. */
const failures = new WeakMap<ServerResponse, string>()

/** Has metrics and logs show with which code `response` says that its request failed. */
export function noteFailure(response: ServerResponse, code: string): void {
  failures.set(response, code)
}

/** Counts what callers of one HTTP API ask for, and how it ends. */
export class HttpWatch {
  /** Kinds are paths as Fastify knows them, ends the status and maybe a code behind it. */
  readonly tally = new Tally()
  /** Requests whose answer has not left. */
  inside = 0
  readonly #verbose: boolean

  constructor(logger: Logger) {
    this.#verbose = logger.isEnabled?.('debug') ?? false
  }

  /** Call it before any other hook is added: what waits there counts, too. */
  watch(app: FastifyInstance): void {
    app.addHook('onRequest', (request, reply, next) => {
      const began = realClock.monotonic()
      this.inside++
      reply.raw.on('close', () => this.#ended(request.url, reply.raw, began))
      beginTrace(request, reply, this.#verbose)
      next()
    })
  }

  /** A request for `path` was refused before any hook saw it. */
  refused(path: string, code: Code): void {
    this.tally.record(path, `${CODES[code].status} ${code}`, 0)
  }

  #ended(path: string, response: ServerResponse, began: number): void {
    this.inside--
    const code = failures.get(response)
    const status = response.writableFinished ? String(response.statusCode) : HUNG_UP
    const end = code === undefined ? status : `${status} ${code}`
    this.tally.record(path, end, realClock.monotonic() - began)
  }
}

/** Of the HTTP API; docs/metrics.md says what they mean. */
export const HTTP_METRICS: readonly Metric<HttpWatch>[] = [
  labelled(
    'counter',
    {
      name: 'keymesh_http_requests_total',
      help: 'Requests to the HTTP API, by call, status and error code.',
      labels: ['call', 'status', 'code']
    },
    ({ tally }) =>
      [...tally.kinds].flatMap(([path, { ends }]) =>
        [...ends].map(([end, value]) => {
          const [status = '', code = ''] = end.split(' ')
          return { labels: [callIn(path), status, code], value }
        })
      )
  ),
  labelled(
    'timing',
    {
      name: 'keymesh_http_request_duration_seconds',
      help: 'From the head of a request being read to its answer having left.',
      labels: ['call']
    },
    ({ tally }) =>
      [...tally.kinds].map(([path, { latency }]) => ({ labels: [callIn(path)], value: latency }))
  ),
  gauge('keymesh_http_requests_inside', 'Requests without an answer yet.', (it) => it.inside)
]

/** See internalPath. */
const callIn = (path: string): string => (path === '/' ? 'unknown' : path.slice(1))

/** Answers `GET /metrics`: of the node, of its HTTP API, and of the process. */
export async function tellMetrics(
  reply: FastifyReply,
  watch: HttpWatch,
  calls: Calls
): Promise<void> {
  const ofProcess = await processRegistry().metrics()
  const ofNode = (calls.metrics?.() ?? '') + metricsText(HTTP_METRICS, watch)
  await reply.type(METRICS_TYPE).send(`${ofNode}${ofProcess}`)
}

let registry: Registry | undefined

/**
 * CPU, memory, event loop and garbage collection of the process, which all nodes in it share. Only
 * once somebody asks for them are they watched: that takes a timer and an observer.
 */
function processRegistry(): Registry {
  if (registry === undefined) {
    registry = new Registry()
    collectDefaultMetrics({ register: registry })
  }
  return registry
}
