import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import autocannon from 'autocannon'
import Fastify from 'fastify'
import type { CallOperation, CallOutcome } from '../../src/client/inputs.ts'
import type { Calls } from '../../src/gateway/calls.ts'
import { openHttp } from '../../src/gateway/http.ts'
import { failure } from '../../src/wire/failure.ts'
import { silent } from '../../src/world/log.ts'

/**
 * What the HTTP door costs, beside bare Fastify and bare node:http: requests a second, and CPU time
 * of the serving process per request. Nothing is behind the door but an answer a turn later.
 *
 *   node bench/micro/http.ts [rounds] [connections]
 *
 * To profile one of them: node --cpu-prof bench/micro/http.ts serve door
 */
const ROUNDS = Number(process.argv[2] ?? 12)
/** Of one round: short, so that some rounds are not disturbed. */
const AMOUNT = 8_000
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
    return { ...where, kind: 'get', record: { value: VALUE, revision: 17 }, stalenessMs: 0 }
  }
  return {
    call: (operation, _call, done) => {
      if (waiting.push(() => done(outcomeOf(operation))) === 1) setImmediate(flush)
      return () => {}
    },
    transact: (_request, _call, done) => {
      done({ ok: true, id: undefined, committed: true, failed: [], results: [], groups: [where] })
      return () => {}
    },
    lock: (_wanted, _call, done) => {
      done({ ok: false, failure: failure('unavailable', 'no locks here') })
      return () => {}
    },
    writeFenced: (_change, _call, done) => {
      done({ ok: true, result: { type: 'written', revision: 17 }, groups: [where] })
      return () => {}
    },
    clusterId: () => '0123456789abcdef0123456789abcdef',
    view: () => undefined,
    time: () => 0,
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
  // Leaves the profile behind, if one is taken.
  process.on('SIGINT', () => process.exit())
  process.send?.(url)
  if (process.send === undefined) console.log(url)
}

interface Child {
  readonly name: Name
  readonly url: string
  cpuMicros(): Promise<number>
  end(): Promise<void>
}

async function start(name: Name): Promise<Child> {
  const child = fork(import.meta.filename, ['serve', name])
  const heard = async (): Promise<unknown> => ((await once(child, 'message')) as [unknown])[0]
  return {
    name,
    url: String(await heard()),
    cpuMicros: async () => {
      child.send('cpu')
      return Number(await heard())
    },
    end: async () => {
      child.disconnect()
      await once(child, 'exit')
    }
  }
}

/** Requests a second and us of CPU per request; throws if one of them failed. */
async function round(child: Child, method: 'GET' | 'PUT'): Promise<{ rate: number; us: number }> {
  const before = await child.cpuMicros()
  const began = performance.now()
  const result = await autocannon({
    url: child.url,
    connections: CONNECTIONS,
    amount: AMOUNT,
    sampleInt: 50,
    requests: [{ method, path: '/v1/kv/key17', ...(method === 'PUT' ? { body: VALUE } : {}) }]
  })
  const { non2xx, errors, timeouts } = result
  if (non2xx + errors + timeouts > 0) {
    throw new Error(`${child.name}: ${non2xx} not 2xx, ${errors} errors, ${timeouts} timeouts`)
  }
  const us = ((await child.cpuMicros()) - before) / result['2xx']
  return { rate: result['2xx'] / ((performance.now() - began) / 1_000), us }
}

/** Rounds in turn, and the best of each: what else runs on the machine only ever adds. */
async function measure(): Promise<void> {
  const children: Child[] = []
  for (const name of Object.keys(SERVERS) as Name[]) children.push(await start(name))
  for (const method of ['GET', 'PUT'] as const) {
    for (const child of children) await round(child, method)
    const best = children.map(() => ({ rate: 0, us: Number.POSITIVE_INFINITY }))
    for (let i = 0; i < ROUNDS; i++) {
      for (const [at, child] of children.entries()) {
        const { rate, us } = await round(child, method)
        const known = best[at] ?? { rate, us }
        best[at] = { rate: Math.max(rate, known.rate), us: Math.min(us, known.us) }
      }
    }
    for (const [at, { rate, us }] of best.entries()) {
      const line = `${rate.toFixed(0).padStart(7)}/s  ${us.toFixed(1).padStart(6)} us CPU`
      console.log(`${children[at]?.name.padEnd(8)} ${method}  ${line}`)
    }
  }
  for (const child of children) await child.end()
}

if (process.argv[2] === 'serve') await serve(process.argv[3] as Name)
else await measure()
