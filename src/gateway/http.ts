import { createServer, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest
} from 'fastify'
import { type Failure, failure } from '../wire/failure.ts'
import type { NodeId } from '../wire/ids.ts'
import type { Logger } from '../world/log.ts'
import { API, type CallName } from './api.ts'
import type { ApiCall } from './api-shape.ts'
import { BadRequest } from './bad-request.ts'
import { type Calls, NOBODY } from './calls.ts'
import { clusterStatus } from './cluster-status.ts'
import { callOf, internalPath, internalUrl, reader } from './http-asked.ts'
import { type Guard, guard } from './http-auth.ts'
import { Bodies } from './http-bodies.ts'
import { fail, refuse } from './http-caller.ts'
import { misframed } from './http-framing.ts'
import { KeyRoutes } from './http-keys.ts'
import { LockRoutes } from './http-locks.ts'
import { HttpWatch, tellMetrics } from './http-metrics.ts'
import { RequestOrder } from './http-order.ts'
import { Connections, hangUp } from './http-parting.ts'
import { ScanRoutes } from './http-scans.ts'
import { Shed } from './http-shed.ts'
import { needTrace } from './http-trace.ts'
import { TransactionRoutes } from './http-transactions.ts'
import { WatchRoutes } from './http-watch.ts'
import { openApiDocument } from './openapi.ts'

export interface HttpOptions {
  readonly place: { readonly host: string; readonly port: number }
  /** Callers must send it; undefined: anybody may call. */
  readonly token: string | undefined
  readonly logger: Logger
}

/** The HTTP API of a node, listening. */
export interface HttpDoor {
  readonly url: URL
  /** From now on calls go to `calls`; until then they are answered `unavailable`. */
  serve(calls: Calls): void
  /** Takes no new connection, finishes what is inside, hangs up on what is left after `graceMs`. */
  stop(graceMs: number): Promise<void>
}

/** A key of 4 KiB in the path and one in a header, all percent-encoded, and what else there is. */
const HEADER_BYTES_MAX = 40 * 1024
const HEADERS_TIMEOUT_MS = 10_000
/** For a whole request: 1 MiB over a slow line. */
const REQUEST_TIMEOUT_MS = 60_000
const KEEP_ALIVE_MS = 72_000
const TIMEOUT_CHECK_MS = 2_000
const CONNECTIONS_MAX = 10_000

/** Rejects when the place cannot be listened on. */
export async function openHttp({ place, token, logger }: HttpOptions): Promise<HttpDoor> {
  let calls = NOBODY
  const order = new RequestOrder()
  const watch = new HttpWatch(logger)
  const judge = guard(place.host, token)
  const refused = (call: CallName): void => watch.refused(internalPath(call), 'overloaded')
  const shed = new Shed({ calls: () => calls, guard: judge, refused })
  const app = makeApp(order, shed, logger)
  const connections = new Connections(app.server, order)
  watch.watch(app)
  addOrder(app, order)
  refuseTunnels(app, order)
  addGuard(app, judge)
  const watches = new WatchRoutes(() => calls)
  addRoutes(
    app,
    handlersFor(() => calls, watch, watches)
  )
  addErrors(app, logger)
  app.server.maxConnections = CONNECTIONS_MAX
  // Bounded by their bytes. Over a count, some versions drop the rest in silence: a condition, too.
  app.server.maxHeadersCount = 0
  await app.listen({ host: place.host, port: place.port })
  const bound = app.server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : place.port
  const host = place.host.includes(':') ? `[${place.host}]` : place.host
  return {
    url: new URL(`http://${host}:${port}`),
    serve: (given) => {
      calls = given
    },
    stop: async (graceMs) => {
      watches.end()
      calls.stopping?.()
      await connections.end(graceMs)
      await app.close()
    }
  }
}

function makeApp(order: RequestOrder, shed: Shed, logger: Logger): FastifyInstance {
  return Fastify({
    serverFactory: (handler) =>
      openServer((request, response) => {
        if (shed.refuses(request, response)) order.answered(request, response)
        else handler(request, response)
      }),
    rewriteUrl: internalUrl,
    // Our own schemas read requests; this keeps Fastify from loading validators of its own.
    schemaController: { compilersFactory: { buildValidator: none, buildSerializer: none } },
    forceCloseConnections: 'idle',
    // Fastify's answer would be in another form than ours; the node behind still takes calls then.
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => {
      logger.log('debug', 'not a request', { reason: error.code ?? error.message })
      if (error.code === 'ECONNRESET') socket.destroy()
      // It connected and asked for nothing: an answer would be taken for that to what it may ask.
      else if (socket.bytesRead === 0) hangUp(socket)
      else order.end(socket, (owed) => hangUp(socket, owed ? judgement(error.code) : undefined))
    }
  })
}

function openServer(listener: RequestListener): Server {
  return createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      // Node.js would refuse those without one in another form than ours.
      requireHostHeader: false
    },
    listener
  )
}

/** Fastify calls it for routes with a Fastify schema, of which there are none. */
function none(): never {
  throw new Error('no route has a schema of Fastify')
}

function addOrder(app: FastifyInstance, order: RequestOrder): void {
  app.addHook('onRequest', (request, reply, next) => {
    if (order.enter(request.raw, reply.raw, next)) return
    fail(reply, failure('overloaded', 'too many requests wait on this connection'))
  })
}

/** Node.js leaves who asks for one to whoever listens for it, and hangs up where nobody does. */
function refuseTunnels(app: FastifyInstance, order: RequestOrder): void {
  app.server.on('connect', (_request, socket: Socket) => {
    // From here on nobody else listens to this socket.
    socket.on('error', () => socket.destroy())
    order.end(socket, () => {
      hangUp(socket, failure('unknown_route', 'this node is no proxy: no CONNECT'))
    })
  })
}

function addGuard(app: FastifyInstance, judge: Guard): void {
  app.addHook('onRequest', (request, reply, next) => {
    const name = callOf(request)
    const call: ApiCall | undefined = name && API[name]
    const failed =
      misframed(request.raw) ??
      (call?.open ? undefined : judge(request.headers, request.originalUrl))
    if (failed === undefined) next()
    else fail(reply, failed)
  })
  // Node.js would answer it in another form than ours.
  app.server.on('checkExpectation', (request, response) => {
    app.server.emit('request', request, response)
  })
  // Bodies are raw whatever their type says, and read by the routes that take one: to Fastify there
  // are none.
  for (const method of ['PUT', 'POST', 'DELETE', 'PATCH', 'QUERY']) {
    app.addHttpMethod(method, { hasBody: false, overrideExisting: true })
  }
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => void

type Handlers = Readonly<Record<CallName, Handler>>

function addRoutes(app: FastifyInstance, handlers: Handlers): void {
  for (const name of Object.keys(handlers) as CallName[]) {
    const { method, head }: ApiCall = API[name]
    const url = internalPath(name)
    app.route({ method, url, exposeHeadRoute: head === true, handler: handlers[name] })
  }
}

function handlersFor(calls: () => Calls, watch: HttpWatch, watches: WatchRoutes): Handlers {
  const bodies = new Bodies()
  const keys = new KeyRoutes(calls, bodies)
  const locks = new LockRoutes(calls, bodies)
  const transactions = new TransactionRoutes(calls, bodies)
  const scans = new ScanRoutes(calls)
  const askedOfCluster = reader(API.cluster)
  const askedOfDocument = reader(API.openapi)
  const document = Buffer.from(JSON.stringify(openApiDocument(API)))
  const live: Handler = (_request, reply) => {
    reply.send({ live: true })
  }
  return {
    get: (request, reply) => keys.get(request, reply),
    put: (request, reply) => keys.put(request, reply),
    delete: (request, reply) => keys.delete(request, reply),
    increment: (request, reply) => keys.increment(request, reply),
    touch: (request, reply) => keys.touch(request, reply),
    scan: (request, reply) => scans.read(request, reply),
    deleteRange: (request, reply) => scans.delete(request, reply),
    watch: (request, reply) => watches.watch(request, reply),
    txn: (request, reply) => transactions.run(request, reply),
    txnState: (request, reply) => transactions.state(request, reply),
    lock: (request, reply) => locks.lock(request, reply),
    keepLock: (request, reply) => locks.keep(request, reply),
    unlock: (request, reply) => locks.unlock(request, reply),
    lockState: (request, reply) => locks.state(request, reply),
    cluster: (request, reply) => {
      askedOfCluster(request)
      const view = calls().view()
      const isReachable = (node: NodeId): boolean => calls().isReachable?.(node) ?? true
      if (view !== undefined) reply.send(clusterStatus(view, isReachable))
      else fail(reply, failure('unavailable', 'this node belongs to no cluster yet'))
    },
    openapi: (request, reply) => {
      askedOfDocument(request)
      reply.type('application/json; charset=utf-8').send(document)
    },
    metrics: (_request, reply) => tellMetrics(reply, watch, calls()),
    livez: live,
    healthz: live,
    readyz: (_request, reply) => {
      const reasons = calls().unready()
      if (reasons.length === 0) reply.send({ ready: true })
      else reply.code(503).send({ ready: false, reasons })
    }
  }
}

function addErrors(app: FastifyInstance, logger: Logger): void {
  app.setNotFoundHandler((request, reply) => {
    const message = `no ${request.method} on this path; /openapi.json lists what there is`
    fail(reply, failure('unknown_route', message))
  })
  app.setErrorHandler((error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    if (error instanceof BadRequest) {
      refuse(reply, error)
    } else if (error.statusCode !== undefined && error.statusCode < 500) {
      fail(reply, failure('invalid_argument', error.message))
    } else {
      const trace = needTrace(request, reply)
      logger.log('error', 'request failed', { method: request.method, trace, stack: error.stack })
      fail(
        reply,
        failure('internal', 'this request met a fault of the node; see its log', 'unknown')
      )
    }
  })
}

/** Why what came is not served: it is not HTTP, too long or too slow. */
function judgement(code: string | undefined): Failure {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return failure('too_large', `the request line and headers are over ${HEADER_BYTES_MAX} bytes`)
  }
  if (code === 'HPE_INVALID_URL') {
    return failure('invalid_argument', 'percent-encode what is not ASCII in the path')
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return failure('invalid_argument', 'the request did not come in time')
  }
  return failure('invalid_argument', 'this is not an HTTP request')
}
