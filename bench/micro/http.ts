import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import autocannon from 'autocannon'
import Fastify from 'fastify'
import type { CallOperation, CallOutcome } from '../../src/client/inputs.ts'
import type { Calls } from '../../src/gateway/calls.ts'
import { openHttp } from '../../src/gateway/http.ts'
import { silent } from '../../src/world/log.ts'

/**
 * What the HTTP door costs, beside bare Fastify and bare node:http: requests a second, and CPU time
 * of the serving process per request. Nothing is behind the door but an answer a turn later.
 *
 *   node bench/micro/http.ts [seconds per line] [connections]
 *
 * To profile one of them: node --cpu-prof bench/micro/http.ts serve door
 */
const SECONDS = Number(process.argv[2] ?? 3)
const CONNECTIONS = Number(process.argv[3] ?? 48)
const VALUE = Buffer.alloc(100, 'a')
const SERVERS = { door, fastify, node: bare }

type Name = keyof typeof SERVERS

/** Answers in the next turn, all at once, as a node does whose disk flushed. */
function stubCalls(): Calls {
  const where = { ok: true, group: 1, applied: 1 } as const
  let waiting: (() => void)[] = []
  const flush = (): void => {
    const due = waiting
    waiting = []
    for (const answer of due) answer()
  }
  const outcomeOf = ({ kind }: CallOperation): CallOutcome => {
    if (kind === 'mutate') return { ...where, kind, result: { type: 'written', revision: 17 } }
    return { ...where, kind, record: { value: VALUE, revision: 17 }, stalenessMs: 0 }
  }
  return {
    call: (operation, _call, done) => {
      if (waiting.push(() => done(outcomeOf(operation))) === 1) setImmediate(flush)
      return () => {}
    },
    view: () => undefined,
    unready: () => []
  }
}

async function door(): Promise<string> {
  const place = { host: '127.0.0.1', port: 0 }
  const opened = await openHttp({ place, token: undefined, logger: silent })
  opened.serve(stubCalls())
  return opened.url.href
}

async function fastify(): Promise<string> {
  const app = Fastify()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.get('/v1/kv/:key', (_request, reply) => {
    reply.type('application/octet-stream').send(VALUE)
  })
  app.put('/v1/kv/:key', (_request, reply) => {
    reply.send({ revision: 17 })
  })
  return await app.listen({ host: '127.0.0.1', port: 0 })
}

async function bare(): Promise<string> {
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => response.end(request.method === 'GET' ? VALUE : '{"revision":17}'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  return `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : bound}`
}

/** In a process of its own: tells its URL, and at each message its CPU time in us. */
async function serve(name: Name): Promise<void> {
  const url = await SERVERS[name]()
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send?.(user + system)
  })
  process.on('disconnect', () => process.exit())
  process.send?.(url)
  if (process.send === undefined) console.log(url)
}

async function measure(name: Name): Promise<void> {
  const child = fork(import.meta.filename, ['serve', name])
  const [url] = (await once(child, 'message')) as [string]
  const cpu = async (): Promise<number> => {
    child.send('cpu')
    return Number((await once(child, 'message'))[0])
  }
  const run = (method: 'GET' | 'PUT', duration: number): Promise<autocannon.Result> => {
    const request = { method, path: '/v1/kv/key17', ...(method === 'PUT' ? { body: VALUE } : {}) }
    return autocannon({ url, connections: CONNECTIONS, duration, requests: [request] })
  }
  for (const method of ['GET', 'PUT'] as const) {
    await run(method, 1)
    const before = await cpu()
    const result = await run(method, SECONDS)
    const us = ((await cpu()) - before) / result['2xx']
    const failed = result.non2xx + result.errors + result.timeouts
    const rate = (result['2xx'] / result.duration).toFixed(0)
    const line = `${rate.padStart(7)}/s  ${us.toFixed(1).padStart(6)} us CPU  ${failed} failed`
    console.log(`${name.padEnd(8)} ${method}  ${line}`)
  }
  child.disconnect()
  await once(child, 'exit')
}

if (process.argv[2] === 'serve') await serve(process.argv[3] as Name)
else for (const name of ['door', 'fastify', 'node'] as const) await measure(name)
