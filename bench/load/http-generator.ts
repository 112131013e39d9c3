import { once } from 'node:events'
import autocannon from 'autocannon'
import { serve, settingsOf } from '../rig/generator.ts'
import { httpCall } from './http-calls.ts'
import {
  drawer,
  filled,
  type Job,
  keysOf,
  type Load,
  MIX_PERIOD,
  type Outcome,
  type Settings
} from './job.ts'
import { Window } from './window.ts'

// Load over HTTP, by autocannon. Requests are built before they are needed, and times are taken
// from each answer, because autocannon itself tells whole milliseconds only.

const { api, targets, keys: keyCount, valueBytes } = settingsOf<Settings>()
const keys = keysOf(keyCount)
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
  const draw = drawer(keys.length, connection + 1)
  return Array.from({ length: count }, (_, i) => {
    const kind = load === 'mix' ? (i % MIX_PERIOD === 0 ? 'put' : 'get') : load
    return { ...httpCall(api, kind, keys[draw()] ?? '', value) }
  })
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
