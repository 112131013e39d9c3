import { once } from 'node:events'
import autocannon from 'autocannon'
import { HttpConnection } from '../../cluster/http-connection.ts'
import { serve, settingsOf } from '../rig/generator.ts'
import { type HttpCall, httpCall } from './http-calls.ts'
import { swap, twoPuts } from './http-transactions.ts'
import {
  drawer,
  filled,
  isOfLocks,
  isTransaction,
  type Job,
  keysOf,
  type Load,
  MIX_PERIOD,
  type Outcome,
  type Settings
} from './job.ts'
import { type Pair, pairDrawer } from './pairs.ts'
import { Window } from './window.ts'

// Load over HTTP, by autocannon. Requests are built before they are needed, and times are taken
// from each answer, because autocannon itself tells whole milliseconds only. It cannot make a
// request of what was answered before, so whoever reads and then writes does without it.

const settings = settingsOf<Settings>()
const { api, targets, valueBytes } = settings
const keys = keysOf(settings.keys)
const value = filled(valueBytes)
/** All connections together repeat themselves after so many requests. */
const REQUESTS = 20_000
const REQUESTS_MIN = 50
const TIMEOUT_SECONDS = 30
/** autocannon connects again at once, and for ever, when it is refused. */
const FAILED_MAX = 10_000

serve(run)

async function run(job: Job): Promise<Outcome> {
  const window = new Window()
  if (job.load === 'rmw') return await swaps(job, window)
  const cannon = aim(job, window)
  await once(cannon.instance, 'start')
  const early = cannon.ended.then(() => {
    throw new Error(`the load broke down: ${JSON.stringify(window.failures())}`)
  })
  const outcome = await Promise.race([window.measure(job), early])
  cannon.instance.stop()
  await cannon.ended
  return outcome
}

interface Cannon {
  readonly instance: autocannon.Instance
  readonly ended: Promise<void>
}

function aim(job: Job, window: Window): Cannon {
  const each = Math.max(REQUESTS_MIN, Math.ceil(REQUESTS / job.inFlight))
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  let connection = 0
  const options: autocannon.Options = {
    // It takes several, to which it spreads its connections; its types do not know.
    url: inTurn(job.firstNode) as unknown as string,
    connections: job.inFlight,
    // Longer than the measurement: it is stopped when that is over.
    duration: job.rampMs / 1_000 + job.seconds + TIMEOUT_SECONDS,
    timeout: TIMEOUT_SECONDS,
    bailout: FAILED_MAX,
    sampleInt: 100,
    setupClient: (client) => {
      client.setRequests(requestsOf(job.load, each, connection++))
      listen(client, window)
    }
  }
  const instance = autocannon(options, (error: unknown) => {
    if (error === null || error === undefined) resolve()
    else reject(error)
  })
  instance.on('reqError', (error: Error) => window.failed('connection', error.message))
  return { instance, ended }
}

function inTurn(first: number): string[] {
  return [...targets.slice(first), ...targets.slice(0, first)]
}

function requestsOf(load: Load, count: number, connection: number): autocannon.Request[] {
  const call = callOf(load, connection + 1)
  return Array.from({ length: count }, (_, i) => ({ ...call(i) }))
}

/** A function that makes request number `i` of one connection. */
function callOf(load: Load, seed: number): (i: number) => HttpCall {
  if (isTransaction(load)) {
    const pair = pairDrawer(load, settings, seed)
    return () => twoPuts(api, pair(), value)
  }
  if (isOfLocks(load)) throw new Error(`${load} goes through the client alone`)
  const draw = drawer(keys.length, seed)
  return (i) => {
    const kind = load === 'mix' ? (i % MIX_PERIOD === 0 ? 'put' : 'get') : load
    return httpCall(api, kind, keys[draw()] ?? '', value)
  }
}

function listen(client: autocannon.Client, window: Window): void {
  let example = ''
  client.on('response', (status, _bytes, ms) => {
    if (status === 200) window.succeeded(ms)
    else window.failed(String(status), example)
  })
  client.on('headers', (head) => {
    const { statusCode } = head as unknown as { readonly statusCode: number }
    if (statusCode === 200) return
    example = ''
    // autocannon hands on what came from the socket: the head, too.
    client.once('body', (bytes) => {
      example = bytes.toString().split('\r\n\r\n').at(-1) ?? ''
    })
  })
}

/** So many connections, on each of which one pair of keys after the other is read and written. */
async function swaps(job: Job, window: Window): Promise<Outcome> {
  const urls = inTurn(job.firstNode)
  const loops = Array.from({ length: job.inFlight }, async (_, i) => {
    const connection = new HttpConnection(urls[i % urls.length] ?? '')
    await swapLoop(connection, pairDrawer('rmw', settings, i + 1), window)
    connection.close()
  })
  const outcome = await window.measure(job)
  await Promise.all(loops)
  return outcome
}

async function swapLoop(
  connection: HttpConnection,
  pair: () => Pair,
  window: Window
): Promise<void> {
  while (!window.isOver) {
    const began = performance.now()
    const { code, body } = await swap(connection, api, pair())
    if (code === '') window.succeeded(performance.now() - began)
    else window.failed(code, body)
  }
}
